import { redisWorld } from '../redis.ts';

/** Redis, by a stream. */
export const world = redisWorld(
  'redisStream',
  (place) => ({ stream: place }),
  (sender, place, content) => sender.xadd(place, '*', 'data', content),
);
