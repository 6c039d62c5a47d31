import type { Bug } from '../parts.ts';

export const readyWithoutStore: Bug = {
  name: 'ready-without-store',
  family: 'monitoring',
  story: 'the probe tells only that the process is up: it is sent requests while its store is down, and fails every one of them',
  fires: 'after a fault',
  plant: ({ checks }) => ({ checks: checks.filter(({ name }) => name !== 'store') }),
};
