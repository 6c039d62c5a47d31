import { defineClaim, type ClaimFactory } from '../judge.ts';
import { untilEnding } from '../ending.ts';

/** The operation ends, whichever way. */
export const settle: ClaimFactory<undefined> = defineClaim({
  name: 'settle',
  members: [],
  says: () => 'eventually settle',
  start: (_args, context) => untilEnding(context, 'any'),
  samples: [undefined],
});
