import { connect, headers } from '@nats-io/transport-node';
import { nats } from '../../../src/probes/index.ts';
import { containersEnabled, startNats, type Started } from '../../setup/containers.ts';
import { relay } from '../../setup/relay.ts';
import type { ProbeWorld } from '../world.ts';

let server: Started | undefined;
let made = 0;

export const world: ProbeWorld = {
  name: 'nats',
  comesBack: true,
  needs: () => containersEnabled('the probe nats on NATS'),
  share: async () => (server = await startNats()),
  async start() {
    const subject = `orders.${++made}`;
    const way = await relay(server!.address);
    const sender = await connect({ servers: server!.address, user: 'holdfast', pass: 'holdfast' });
    return {
      probe: nats(`nats://holdfast:holdfast@${way.address}`, { subject: `${subject}.*` }),
      async send({ id, data }) {
        const fields = headers();
        fields.set('Nats-Msg-Id', id);
        sender.publish(`${subject}.changed`, JSON.stringify(data), { headers: fields });
        await sender.flush();
      },
      async garbage(content) {
        sender.publish(`${subject}.changed`, content);
        await sender.flush();
      },
      interrupt: async () => way.cut(),
      async stop() {
        await sender.close();
        await way.close();
      },
    };
  },
};
