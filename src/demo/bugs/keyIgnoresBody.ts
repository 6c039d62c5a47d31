import type { Bug } from '../parts.ts';

export const keyIgnoresBody: Bug = {
  name: 'key-ignores-body',
  family: 'idempotency',
  story:
    'a key that comes again with another request is given the old answer: the second payment was never made, and nobody knows',
  plant: () => ({ sameRequest: () => true }),
};
