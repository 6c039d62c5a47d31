import type { Bug } from '../parts.ts';

/** How often a snapshot comes just then. */
const BETWEEN = 0.1;

export const snapshotCutsTransaction: Bug = {
  name: 'snapshot-cuts-transaction',
  family: 'stale-reads',
  story: 'a snapshot is cut by number, wherever the log is: between a debit and its credit the money is in neither account',
  fires: 'one in N by seed',
  plant: ({ random, cutAt }) => ({
    cutAt: (newest) => cutAt(newest) - (random.fork(`cut/${newest}`).chance(BETWEEN) ? 1 : 0),
  }),
};
