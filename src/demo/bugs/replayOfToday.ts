import { BEGINNING } from '../fold.ts';
import type { Bug } from '../parts.ts';

export const replayOfToday: Bug = {
  name: 'replay-of-today',
  family: 'replay',
  story: 'a replay to a point in the past looks balances up where they are kept, and tells those of today',
  plant: ({ stateAt }) => ({
    async stateAt(base, to, caller) {
      const then = await stateAt(base, to, caller);
      const { accounts } = await stateAt(BEGINNING, Number.MAX_SAFE_INTEGER, caller);
      return { ...then, accounts };
    },
  }),
};
