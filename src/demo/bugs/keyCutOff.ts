import type { Bug } from '../parts.ts';

/** How wide the column is, in characters. */
const COLUMN = 32;

export const keyCutOff: Bug = {
  name: 'key-cut-off',
  family: 'idempotency',
  story: 'the column for keys is too narrow, and the database cuts them off: two long keys that begin alike are one',
  plant: () => ({ keyText: (key) => key.slice(0, COLUMN) }),
};
