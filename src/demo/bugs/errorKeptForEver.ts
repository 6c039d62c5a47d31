import type { Bug } from '../parts.ts';

export const errorKeptForEver: Bug = {
  name: 'error-kept-for-ever',
  family: 'idempotency',
  story: 'whatever was answered is kept under the key, a passing fault too: who tries again as told hears of it for a day',
  fires: 'after a fault',
  plant: ({ keys }) => ({ keys: { ...keys, keeps: ({ status }) => status >= 500 } }),
};
