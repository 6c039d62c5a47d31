import { bandwidth } from '../../../src/faults/index.ts';
import { toxiproxy } from '../../../src/inject/index.ts';
import { aToxiproxy } from '../../setup/toxiproxy.ts';
import { alone, before, type InjectorWorld } from './world.ts';

/** Every world has a proxy of its own. */
let made = 0;

/** A Toxiproxy, by its API: the one at `HOLDFAST_TOXIPROXY`, or what stands in for it. */
export const world: InjectorWorld = {
  name: 'toxiproxy',
  // It counts in thousands of bytes a second.
  entries: { throttle: bandwidth({ bytesPerSecond: 1000 }) },
  async start(plan) {
    const server = await aToxiproxy();
    try {
      const start = await before(
        (to) => toxiproxy({ at: server.at, proxy: `shop-${process.pid}-${made++}`, to: new URL(to).host, plan }),
        (injected) => ({
          url: `http://${injected.listen}`,
          // What is healed is so once Toxiproxy has been told.
          fetch: async (input, init) => {
            await injected.settled();
            return alone(input, init);
          },
        }),
      );
      const stop = async (): Promise<void> => {
        await start.stop();
        await server.close();
      };
      return { ...start, stop };
    } catch (error) {
      await server.close();
      throw error;
    }
  },
};
