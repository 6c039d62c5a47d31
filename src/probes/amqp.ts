import { HarnessError, show } from '../errors.ts';
import type { Push } from '../watch/index.ts';
import { addressOf, broker, client, CONNECT_MS, messageOf, namesIn, refused, type Line } from './broker.ts';
import type { ChannelOptions } from './channel.ts';

/** How often the broker is to say that it is there, in seconds. */
const HEARTBEAT_S = 5;

/** What the server says when it closes a channel for what was asked of it (AMQP 0-9-1 §4.2.10: soft errors). */
const REFUSED = /\b(311|403|404|405|406)\b/;

export interface AmqpOptions extends ChannelOptions {
  /** The exchange whose messages are seen, by a queue of the probe's own: nobody else misses one. */
  readonly exchange?: string | undefined;
  /** Which of them: one binding key or several; `#`, all of a topic exchange, by default. A direct exchange takes whole keys only. */
  readonly routingKey?: string | readonly string[] | undefined;
  /** A queue to take messages from instead, as a worker would: each of them is then missed by whoever else reads it. */
  readonly queue?: string | undefined;
}

/**
 * Sees what is published on a broker of AMQP 0-9-1, such as RabbitMQ. By the optional peer `amqplib`. A message's id and type are its
 * properties `message-id` and `type`, or else its routing key.
 *
 * @param url `amqp://user:password@host:port/vhost`, or `amqps://…`
 * @throws HarnessError `invalid-url`, `invalid-option`; when it is opened `not-installed`, `broker-unavailable`, `broker-refused`
 *
 * @example
 * ```ts
 * import { amqp } from 'holdfast/probes';
 * const probe = amqp('amqp://127.0.0.1', { exchange: 'reports', routingKey: 'report.*' });
 * probe.name; // => 'amqp'
 * ```
 */
export function amqp(url: string, options: AmqpOptions): Push {
  const { url: address, shown } = addressOf('amqp', url, ['amqp:', 'amqps:']);
  const { exchange, queue, routingKey = '#' } = options;
  const one = exchange ?? queue;
  if (typeof one !== 'string' || one === '' || (exchange !== undefined && queue !== undefined))
    throw new HarnessError(
      'invalid-option',
      `amqp: expected an exchange or a queue, received ${show({ exchange, queue })}`,
      "write { exchange: 'reports', routingKey: 'report.*' } to see copies, or { queue: 'reports' } to take from a queue",
    );
  // A fanout exchange is often given the empty key.
  const keys = routingKey === '' ? [''] : namesIn('amqp: routingKey', routingKey, "routingKey: 'report.*'");
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', String(HEARTBEAT_S));

  const connect = async (line: Line): Promise<void> => {
    const { connect: dial } = await client('amqp', 'amqplib', () => import('amqplib'));
    // Node's own option of a socket: one that is given up while it is made is destroyed. Later it would take with it what is still to be
    // sent, as that a message was taken.
    const making = new AbortController();
    const giveUp = (): void => making.abort();
    if (line.signal.aborted) giveUp();
    line.signal.addEventListener('abort', giveUp, { once: true });
    const socket = { timeout: CONNECT_MS, signal: making.signal };
    const connection = await dial(address.href, socket).finally(() => line.signal.removeEventListener('abort', giveUp));
    line.hangUp(
      () => connection.close(),
      () => (connection.connection as unknown as Cuttable).stream.destroy(),
    );
    let why: unknown = new Error('the broker closed it');
    connection.on('error', (error) => (why = error));
    connection.on('close', () => line.lost(why));
    try {
      const channel = await connection.createChannel();
      // First, so that what was taken is taken: what is said on the connection may overtake what is said on a channel.
      line.hangUp(() => channel.close());
      // Told by the promise of what failed, and later by the end of the channel.
      channel.on('error', (error) => (why = error));
      const own =
        exchange === undefined ? undefined : (await channel.assertQueue('', { exclusive: true, autoDelete: true })).queue;
      if (own !== undefined && exchange !== undefined) for (const key of keys) await channel.bindQueue(own, exchange, key);
      let [isListening, isClosed] = [false, false];
      channel.on('close', () => {
        isClosed = true;
        if (isListening) line.lost(why);
      });
      await channel.consume(
        own ?? one,
        (message) => {
          if (message === null) return line.lost(new Error(`${show(own ?? one)} was deleted`));
          const { properties, fields } = message;
          const { messageId, type, correlationId, replyTo, contentType } = properties as Properties;
          line.heard(
            messageOf(message.content, {
              id: messageId,
              type: type ?? fields.routingKey,
              headers: Object.entries({
                ...(properties.headers as object | undefined),
                'content-type': contentType,
                'correlation-id': correlationId,
                'reply-to': replyTo,
                'routing-key': fields.routingKey,
              }),
            }),
          );
          if (own === undefined) channel.ack(message);
        },
        { noAck: own !== undefined },
      );
      isListening = true;
      // What it was told in the same breath.
      if (isClosed) line.lost(why);
    } catch (error) {
      if (!(error instanceof Error && REFUSED.test(error.message))) throw error;
      const there = exchange === undefined ? `the queue ${show(queue)}` : `the exchange ${show(exchange)}`;
      throw refused(
        'amqp',
        `${shown} does not let ${there} be listened to`,
        error,
        'declare it before the probe is opened, or mend its name',
      );
    }
  };
  return broker(options.name ?? 'amqp', options, () => ({
    kind: 'amqp',
    address: shown,
    start: 'apt-get install rabbitmq-server, or docker run -p 5672:5672 rabbitmq',
    meanwhile:
      exchange === undefined ? 'the queue keeps what is sent meanwhile' : 'what is sent until it listens again is missed',
    connect,
  }));
}

interface Cuttable {
  readonly stream: { destroy(): void };
}

interface Properties {
  readonly messageId?: string;
  readonly type?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly contentType?: string;
}
