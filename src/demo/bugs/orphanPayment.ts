import type { Bug } from '../parts.ts';

export const orphanPayment: Bug = {
  name: 'orphan-payment',
  family: 'compensation',
  story: 'a call without an answer counts as not done, and is not undone: the card was charged for a booking that failed',
  fires: 'after a fault',
  plant: () => ({ toUndo: (_begun, done) => done }),
};
