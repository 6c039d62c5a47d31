import type { Bug } from '../parts.ts';

/** How long the cache keeps them, in milliseconds. */
const TOO_SOON_MS = 10_000;

export const expiredTooSoon: Bug = {
  name: 'expired-too-soon',
  family: 'expiry',
  story: 'finished operations go to a cache with a short life: a client that was away for a minute learns neither end nor result',
  plant: () => ({ isExpired: ({ endedAt }, now) => endedAt !== undefined && now - endedAt > TOO_SOON_MS }),
};
