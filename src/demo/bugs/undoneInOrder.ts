import type { Bug } from '../parts.ts';

export const undoneInOrder: Bug = {
  name: 'undone-in-order',
  family: 'compensation',
  story: 'what failed is undone in the order in which it was done: the money is back while the seat is still held',
  plant: () => ({ undone: (steps) => steps }),
};
