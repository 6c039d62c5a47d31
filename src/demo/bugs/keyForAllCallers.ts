import type { Bug } from '../parts.ts';

export const keyForAllCallers: Bug = {
  name: 'key-for-all-callers',
  family: 'idempotency',
  story: 'keys are looked up without their caller: two who count their requests from 1 are given each other’s answers',
  plant: () => ({ keyScope: (_caller, place) => [place] }),
};
