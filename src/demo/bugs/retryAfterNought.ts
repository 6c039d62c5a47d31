import type { Bug } from '../parts.ts';

export const retryAfterNought: Bug = {
  name: 'retry-after-nought',
  family: 'rate-limit',
  story:
    'the wait is rounded down to whole seconds: in the last one clients hear Retry-After: 0, and all of them come back at once',
  plant: () => ({ inSeconds: (wait) => Math.floor(wait / 1000) }),
};
