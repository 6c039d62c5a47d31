import type { Millis } from '../../time/index.ts';
import type { Bug } from '../parts.ts';

/** How long the lock is held, in milliseconds. */
const LOCK_MS: Millis = 1_000;

export const keyExpiresInFlight: Bug = {
  name: 'key-expires-in-flight',
  family: 'idempotency',
  story: 'the lock on a key ends after a second, whether the work has or not: who repeats a slow order has it done twice',
  fires: 'under concurrency',
  plant: ({ keys }) => ({
    keys: { ...keys, isOver: (age, answered) => (answered ? keys.isOver(age, answered) : age >= LOCK_MS) },
  }),
};
