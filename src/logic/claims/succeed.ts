import { defineClaim, type ClaimFactory } from '../judge.ts';
import { untilEnding } from '../ending.ts';

/** The operation ends as a success; any other ending decides against it at once. */
export const succeed: ClaimFactory<undefined> = defineClaim({
  name: 'succeed',
  neither: 'it neither succeeded nor ended otherwise',
  members: [],
  says: () => 'eventually succeed',
  start: (_args, context) => untilEnding(context, 'success'),
  samples: [undefined],
});
