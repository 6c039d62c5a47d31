import { Producer, ProduceAcks } from '@platformatic/kafka';
import { kafka } from '../../../src/probes/index.ts';
import { kafkaEnabled, startKafka } from '../../setup/kafka.ts';
import type { ProbeWorld } from '../world.ts';

/** Kafka's protocol, spoken by librdkafka's own cluster for tests. */
export const world: ProbeWorld = {
  name: 'kafka',
  needs: () => kafkaEnabled('the probe kafka'),
  async start() {
    const cluster = await startKafka('orders');
    const sender = new Producer({ clientId: 'sender', bootstrapBrokers: [cluster.address], retries: 3 });
    const send = async (value: Buffer, id?: string): Promise<void> => {
      // Order is kept within a partition.
      const message = {
        topic: 'orders',
        partition: 0,
        value,
        ...(id === undefined ? {} : { headers: new Map([[Buffer.from('id'), Buffer.from(id)]]) }),
      };
      await sender.send({ messages: [message], acks: ProduceAcks.LEADER });
    };
    return {
      probe: kafka(cluster.address, { topic: 'orders' }),
      send: ({ id, data }) => send(Buffer.from(JSON.stringify(data)), id),
      garbage: (content) => send(Buffer.from(content)),
      interrupt: () => cluster.stop(),
      async stop() {
        await sender.close();
        await cluster.stop();
      },
    };
  },
};
