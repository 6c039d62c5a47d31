import { connectAsync } from 'mqtt';
import { mqtt } from '../../../src/probes/index.ts';
import { containersEnabled, startMosquitto, type Started } from '../../setup/containers.ts';
import { relay } from '../../setup/relay.ts';
import type { ProbeWorld } from '../world.ts';

let server: Started | undefined;
let made = 0;

/** Mosquitto. */
export const world: ProbeWorld = {
  name: 'mqtt',
  comesBack: true,
  needs: () => containersEnabled('the probe mqtt on Mosquitto'),
  share: async () => (server = await startMosquitto()),
  async start() {
    const topic = `orders/${++made}`;
    const way = await relay(server!.address);
    const sender = await connectAsync(`mqtt://holdfast:holdfast@${server!.address}`);
    const publish = async (content: Buffer): Promise<void> =>
      void (await sender.publishAsync(`${topic}/changed`, content, { qos: 1 }));
    return {
      probe: mqtt(`mqtt://holdfast:holdfast@${way.address}`, { topic: `${topic}/+` }),
      send: ({ id, data }) => publish(Buffer.from(JSON.stringify({ id, ...(data as object) }))),
      garbage: (content) => publish(Buffer.from(content)),
      interrupt: async () => way.cut(),
      async stop() {
        await sender.endAsync();
        await way.close();
      },
    };
  },
};
