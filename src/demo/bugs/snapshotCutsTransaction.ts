import type { Bug } from '../parts.ts';

export const snapshotCutsTransaction: Bug = {
  name: 'snapshot-cuts-transaction',
  family: 'stale-reads',
  story: 'a snapshot is cut by number, wherever the log is: between a debit and its credit the money is in neither account',
  plant: ({ cutAt }) => ({ cutAt: (newest) => cutAt(newest) - 1 }),
};
