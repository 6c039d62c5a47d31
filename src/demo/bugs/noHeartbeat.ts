import type { Bug } from '../parts.ts';

export const noHeartbeat: Bug = {
  name: 'no-heartbeat',
  family: 'streams',
  story: 'a stream with nothing to tell is silent: a proxy cuts it after a minute, and nobody at either end is told',
  plant: () => ({ heartbeat: Number.POSITIVE_INFINITY }),
};
