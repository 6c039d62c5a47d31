import type { Bug } from '../parts.ts';

export const stuckInRunning: Bug = {
  name: 'stuck-in-running',
  family: 'lifecycle',
  story: 'the last write of the worker is lost when its connection drops, and nobody looks for jobs that never end',
  plant: ({ store }) => ({ store: { ...store, finish: async () => true } }),
};
