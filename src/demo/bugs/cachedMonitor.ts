import type { Bug } from '../parts.ts';

export const cachedMonitor: Bug = {
  name: 'cached-monitor',
  family: 'headers',
  story: 'the gateway adds its usual Cache-Control to every answer: a cache tells "running" for a minute after the end',
  plant: () => ({ freshness: () => 'public, max-age=60' }),
};
