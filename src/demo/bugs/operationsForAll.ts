import type { Bug } from '../parts.ts';

export const operationsForAll: Bug = {
  name: 'operations-for-all',
  family: 'isolation',
  story:
    'whoever knows the address of an operation may look at it and cancel it: it is checked that a caller has a token, not whose',
  plant: () => ({ maySee: () => true }),
};
