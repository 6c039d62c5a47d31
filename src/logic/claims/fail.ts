import { defineClaim, type ClaimFactory } from '../judge.ts';
import { untilEnding } from '../ending.ts';

/** The operation ends as a failure; success and cancellation decide against it at once. */
export const fail: ClaimFactory<undefined> = defineClaim({
  name: 'fail',
  neither: 'it neither failed nor ended otherwise',
  members: [],
  says: () => 'eventually fail',
  start: (_args, context) => untilEnding(context, 'failure'),
  samples: [undefined],
});
