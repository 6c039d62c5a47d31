import { redisWorld } from '../redis.ts';

/** Redis, by pub/sub. */
export const world = redisWorld(
  'redis',
  (place) => ({ channel: `${place}*` }),
  (sender, place, content) => sender.publish(place, content),
);
