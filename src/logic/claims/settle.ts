import { defineClaim, type ClaimFactory } from '../judge.ts';
import { untilEnding } from '../ending.ts';

/** The operation ends, whichever way. */
export const settle: ClaimFactory<undefined> = defineClaim({
  name: 'settle',
  neither: 'it did not end, and only an end could tell',
  members: [],
  says: () => 'eventually settle',
  start: (_args, context) => untilEnding(context, 'any'),
  samples: [undefined],
});
