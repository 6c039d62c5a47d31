import { connect } from 'amqplib';
import { amqp } from '../../../src/probes/index.ts';
import { containersEnabled, startRabbitmq, type Started } from '../../setup/containers.ts';
import { relay } from '../../setup/relay.ts';
import type { ProbeWorld } from '../world.ts';

let server: Started | undefined;
let made = 0;

/** RabbitMQ. */
export const world: ProbeWorld = {
  name: 'amqp',
  comesBack: true,
  needs: () => containersEnabled('the probe amqp on RabbitMQ'),
  share: async () => (server = await startRabbitmq()),
  async start() {
    const exchange = `orders-${++made}`;
    const way = await relay(server!.address);
    const sender = await connect(`amqp://${server!.address}`);
    const channel = await sender.createConfirmChannel();
    await channel.assertExchange(exchange, 'topic', { durable: false });
    const publish = (content: Buffer, options: { messageId?: string } = {}): Promise<void> =>
      new Promise((resolve, reject) => {
        channel.publish(exchange, 'order.changed', content, options, (error: Error | null) =>
          error === null ? resolve() : reject(error),
        );
      });
    return {
      probe: amqp(`amqp://guest:guest@${way.address}`, { exchange, routingKey: 'order.*' }),
      send: ({ id, data }) => publish(Buffer.from(JSON.stringify(data)), { messageId: id }),
      garbage: (content) => publish(Buffer.from(content)),
      interrupt: async () => way.cut(),
      async stop() {
        await sender.close();
        await way.close();
      },
    };
  },
};
