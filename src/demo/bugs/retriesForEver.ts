import type { Bug } from '../parts.ts';

export const retriesForEver: Bug = {
  name: 'retries-for-ever',
  family: 'time-outs',
  story: 'the deadline is for each try, and no one counts the tries: a partner has closed down, and the trip is pending for ever',
  fires: 'after a fault',
  plant: () => ({ hasTime: () => true }),
};
