/** Redis, by both of the ways in which the probe listens to it. */
import { Redis } from 'ioredis';
import { redis, type RedisOptions } from '../../src/probes/index.ts';
import { containersEnabled, startRedis, type Started } from '../setup/containers.ts';
import { relay } from '../setup/relay.ts';
import type { ProbeWorld } from './world.ts';

let made = 0;

/** @param publish sends a content under a name */
export function redisWorld(
  name: string,
  listen: (name: string) => RedisOptions,
  publish: (sender: Redis, name: string, content: Buffer) => Promise<unknown>,
): ProbeWorld {
  let server: Started | undefined;
  return {
    name,
    comesBack: true,
    needs: () => containersEnabled(`the probe ${name} on Redis`),
    share: async () => (server = await startRedis()),
    async start() {
      const place = `orders:${++made}`;
      const way = await relay(server!.address);
      const sender = new Redis(`redis://${server!.address}`);
      return {
        probe: redis(`redis://${way.address}`, listen(place)),
        send: async ({ id, data }) =>
          void (await publish(sender, place, Buffer.from(JSON.stringify({ id, ...(data as object) })))),
        garbage: async (content) => void (await publish(sender, place, Buffer.from(content))),
        interrupt: async () => way.cut(),
        async stop() {
          await sender.quit();
          await way.close();
        },
      };
    },
  };
}
