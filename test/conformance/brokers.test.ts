/**
 * What is particular to each broker; and brokers that are not there, are something else, or let nobody in: told as what, where, and how to
 * mend it, and nothing hangs.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Producer, ProduceAcks } from '@platformatic/kafka';
import { connect as amqpConnect } from 'amqplib';
import { Redis } from 'ioredis';
import { connectAsync } from 'mqtt';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HarnessError } from '../../src/errors.ts';
import { amqp, kafka, mqtt, nats, postgres, redis } from '../../src/probes/index.ts';
import { systemClock } from '../../src/time/index.ts';
import type { Observation, ObservationOf } from '../../src/trace/index.ts';
import { closeSubject, openSources, subject, type Push, type Subject } from '../../src/watch/index.ts';
import {
  containersEnabled,
  startMosquitto,
  startNats,
  startPostgres,
  startRabbitmq,
  startRedis,
  type Started,
} from '../setup/containers.ts';
import { kafkaEnabled, startKafka, type KafkaCluster } from '../setup/kafka.ts';
import { freePort } from '../setup/needs.ts';
import { relay } from '../setup/relay.ts';

const SECRET = 's3cr3t';
const at = (address: string, user = `ann:${SECRET}`): Readonly<Record<string, Push>> => ({
  amqp: amqp(`amqp://${user}@${address}`, { exchange: 'amq.topic' }),
  nats: nats(`nats://${user}@${address}`, { subject: 'a' }),
  mqtt: mqtt(`mqtt://${user}@${address}`, { topic: 'a' }),
  redis: redis(`redis://${user}@${address}`, { channel: 'a' }),
  'redis stream': redis(`redis://${user}@${address}`, { stream: 'a' }),
  postgres: postgres(`postgres://${user}@${address}/postgres`, { channel: 'a' }),
  kafka: kafka(address, { topic: 'a' }),
});
const KINDS = Object.keys(at('127.0.0.1:1'));

type Told = ObservationOf<'message'>;

/** What is thrown when it is opened. */
async function refusal(probe: Push): Promise<HarnessError> {
  const on = subject([probe]);
  try {
    await openSources(on);
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  } finally {
    await closeSubject(on);
  }
  throw new Error('it was opened');
}

/** Resolves when it was seen that the connection is lost. */
async function isLost({ trace }: Subject): Promise<void> {
  const isLoss = (one: Observation): boolean => one.kind === 'error' && one.name === 'ConnectionLost';
  if (trace.observations.some(isLoss)) return;
  await new Promise<void>((resolve) => trace.follow((one) => isLoss(one) && resolve()));
}

/** A server that says one thing to all who come, and nothing more. */
async function serving(said: string): Promise<{ readonly address: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    if (said !== '') socket.write(said);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a broker that is not there', () => {
  test.each(KINDS)('%s', async (kind) => {
    const address = `127.0.0.1:${await freePort()}`;
    const error = await refusal(at(address)[kind]!);
    expect(error.code).toBe('broker-unavailable');
    expect(error.message).toContain(address);
    expect(error.message).toMatch(/expected a broker that lets itself be listened to at .*, received: /);
    expect(error.hint).toMatch(/start one: (apt-get install|docker run)/);
    expect(error.message).not.toContain(SECRET);
  });
});

describe.each([
  ['that says nothing', ''],
  ['that is a web server', 'HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'],
])('a server %s', (_, said) => {
  test('is no broker, and nobody hangs', async () => {
    const server = await serving(said);
    try {
      const begun = systemClock.now();
      const errors = await Promise.all(Object.values(at(server.address)).map(refusal));
      expect(errors.map(({ code }) => code)).toEqual(KINDS.map(() => 'broker-unavailable'));
      // Five seconds for an answer and two for a good-bye, on a machine that stalls.
      expect(systemClock.now() - begun).toBeLessThan(12_000);
    } finally {
      await server.close();
    }
  });
});

describe.runIf(await containersEnabled('brokers that let nobody in'))('a broker', () => {
  const servers: Record<string, Started> = {};
  beforeAll(async () => {
    const [rabbitmq, nats2, mosquitto, redis7, postgres15] = await Promise.all([
      startRabbitmq(),
      startNats(),
      startMosquitto(),
      startRedis(),
      startPostgres(),
    ]);
    Object.assign(servers, { amqp: rabbitmq, nats: nats2, mqtt: mosquitto, redis: redis7, postgres: postgres15 });
    const admin = new Redis(`redis://${redis7.address}`);
    // Who may look at `a` only, and who may not listen to any channel or read any key.
    await admin.call('ACL', 'SETUSER', 'ann', 'on', '>right', '~a', '&a', '+@all');
    await admin.call('ACL', 'SETUSER', 'writer', 'on', '>writer', 'resetchannels', 'resetkeys', '+@all');
    await admin.quit();
  }, 60_000);
  afterAll(async () => {
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  });

  test('that falls silent is seen to, and can be left', async () => {
    const probes = {
      amqp: (address: string) => amqp(`amqp://${address}`, { exchange: 'amq.topic' }),
      nats: (address: string) => nats(`nats://holdfast:holdfast@${address}`, { subject: 'a' }),
      mqtt: (address: string) => mqtt(`mqtt://holdfast:holdfast@${address}`, { topic: 'a' }),
      redis: (address: string) => redis(`redis://${address}`, { channel: 'a' }),
      'redis stream': (address: string) => redis(`redis://${address}`, { stream: 'a' }),
      postgres: (address: string) => postgres(`postgres://holdfast:holdfast@${address}/postgres`, { channel: 'a' }),
    };
    await Promise.all(
      Object.entries(probes).map(async ([kind, make]) => {
        const way = await relay(servers[kind.split(' ')[0]!]!.address);
        const probe = make(way.address);
        const [on, left] = [subject([probe]), subject([probe])];
        await Promise.all([openSources(on), openSources(left)]);
        way.freeze();
        await closeSubject(left);
        await isLost(on);
        await closeSubject(on);
        expect(left.trace.observations.map((one) => one.kind)).toEqual(['end']);
        await way.close();
      }),
    );
  });

  test.each(['amqp', 'nats', 'mqtt', 'redis', 'redis stream', 'postgres'])(
    'does not let one in with this password: %s',
    async (kind) => {
      const error = await refusal(at(servers[kind.split(' ')[0]!]!.address)[kind]!);
      expect([error.code, error.message]).toEqual(['broker-refused', expect.stringContaining('give a user who may read there')]);
      expect(error.message).not.toContain(SECRET);
    },
  );

  test.each(['nats', 'redis', 'redis stream'])('does not let one in to what it may not read: %s', async (kind) => {
    const error = await refusal(at(servers[kind.split(' ')[0]!]!.address, 'writer:writer')[kind]!);
    expect([error.code, error.message]).toEqual(['broker-refused', expect.stringContaining('does not let a be listened to')]);
  });

  test('does not let one in to an exchange or a queue that it does not have: amqp', async () => {
    const url = `amqp://${servers['amqp']!.address}`;
    for (const [options, what] of [
      [{ exchange: 'nowhere' }, 'the exchange "nowhere"'],
      [{ queue: 'nowhere' }, 'the queue "nowhere"'],
    ] as const) {
      const error = await refusal(amqp(url, options));
      expect([error.code, error.message]).toEqual([
        'broker-refused',
        expect.stringContaining(`does not let ${what} be listened to`),
      ]);
      expect(error.message).toMatch(/NOT.FOUND/);
    }
  });

  test('does not let one in to what is no topic filter: mqtt', async () => {
    const error = await refusal(mqtt(`mqtt://holdfast:holdfast@${servers['mqtt']!.address}`, { topic: 'a/#/b' }));
    expect([error.code, error.message]).toEqual(['broker-refused', expect.stringContaining('does not let a/#/b be listened to')]);
  });

  /** Opens a probe, sends, and waits for the message that is sent last. */
  const seenBy = async (probe: Push, send: () => Promise<unknown>, last: string): Promise<readonly Told[]> => {
    const on = subject([probe]);
    await openSources(on);
    const isThere = (): boolean => on.trace.observations.some((one) => one.kind === 'message' && one.id === last);
    await send();
    if (!isThere()) await new Promise<void>((resolve) => on.trace.follow(() => isThere() && resolve()));
    await closeSubject(on);
    return on.trace.observations.filter((one): one is Told => one.kind === 'message');
  };

  test('keeps what was sent before, and tells it where it is asked to: mqtt', async () => {
    const url = `mqtt://${servers['mqtt']!.address}`;
    const sender = await connectAsync(url);
    const send = (): Promise<unknown> => sender.publishAsync('lamp/2', '{"id":"2"}', { qos: 1 });
    await sender.publishAsync('lamp/1', '{"id":"1"}', { retain: true, qos: 1 });
    expect((await seenBy(mqtt(url, { topic: 'lamp/+' }), send, '2')).map(({ id }) => id)).toEqual(['2']);
    expect((await seenBy(mqtt(url, { topic: 'lamp/+', retained: true }), send, '2')).map(({ id }) => id)).toEqual(['1', '2']);
    // With the fields that its next version has.
    const fields = { userProperties: { tenant: 'a' }, contentType: 'application/json' };
    const five = await connectAsync(url, { protocolVersion: 5 });
    const with5 = (): Promise<unknown> => five.publishAsync('lamp/3', '{"id":"3"}', { qos: 1, properties: fields });
    const [told] = await seenBy(mqtt(url, { topic: 'lamp/3', protocolVersion: 5 }), with5, '3');
    expect(told).toMatchObject({
      type: 'lamp/3',
      headers: [
        ['tenant', 'a'],
        ['content-type', 'application/json'],
      ],
    });
    await Promise.all([sender.endAsync(), five.endAsync()]);
  });

  test('tells a stream from where it is asked to, its fields as they are: redis stream', async () => {
    const url = `redis://${servers['redis']!.address}`;
    const sender = new Redis(url);
    await sender.xadd('jobs', '5-1', 'job', '7', 'body', '{"a":[1]}', 'note', 'x{');
    const send = (): Promise<unknown> => sender.xadd('jobs', '6-1', 'data', '{"id":"last"}');
    const all = await seenBy(redis(url, { stream: 'jobs', from: '0' }), send, 'last');
    expect(all.map(({ id, type, data }) => ({ id, type, data }))).toEqual([
      { id: '5-1', type: 'jobs', data: { job: '7', body: { a: [1] }, note: 'x{' } },
      { id: 'last', type: 'jobs', data: { id: 'last' } },
    ]);
    await sender.quit();
  });

  test('keeps what is sent while nobody listens: redis stream', async () => {
    const way = await relay(servers['redis']!.address);
    const sender = new Redis(`redis://${servers['redis']!.address}`);
    const lose = async (): Promise<void> => {
      await sender.xadd('gap', '1-1', 'data', '{}');
      way.cut();
      await sender.xadd('gap', '2-1', 'data', '{}');
      await sender.xadd('gap', '3-1', 'data', '{}');
    };
    const told = await seenBy(redis(`redis://${way.address}`, { stream: 'gap' }), lose, '3-1');
    expect(told.map(({ id }) => id)).toEqual(['1-1', '2-1', '3-1']);
    await sender.quit();
    await way.close();
  });

  test('tells what its bindings choose, with its properties, and takes nothing from others: amqp', async () => {
    const url = `amqp://${servers['amqp']!.address}`;
    const other = await amqpConnect(url);
    const channel = await other.createConfirmChannel();
    await channel.assertQueue('worker', { durable: false });
    await channel.bindQueue('worker', 'amq.direct', 'b');
    const send = async (): Promise<void> => {
      for (const key of ['a', 'x', 'b']) {
        const properties = { messageId: key, type: `${key}.done`, correlationId: `c-${key}`, headers: { tenant: 7 } };
        channel.publish('amq.direct', key, Buffer.from('{}'), properties);
      }
      await channel.waitForConfirms();
    };
    const told = await seenBy(amqp(url, { exchange: 'amq.direct', routingKey: ['a', 'b'] }), send, 'b');
    expect(told.map(({ id, type }) => [id, type])).toEqual([
      ['a', 'a.done'],
      ['b', 'b.done'],
    ]);
    expect(told[1]?.headers).toEqual([
      ['tenant', '7'],
      ['correlation-id', 'c-b'],
      ['routing-key', 'b'],
    ]);
    expect((await channel.checkQueue('worker')).messageCount).toBe(1);
    await other.close();
  });

  test('tells several channels, and whose connection it was: postgres', async () => {
    const url = `postgres://holdfast:holdfast@${servers['postgres']!.address}/postgres`;
    const sender = new pg.Client(url);
    await sender.connect();
    const send = async (): Promise<void> => {
      await sender.query('BEGIN');
      await sender.query(`NOTIFY "Ends", '{"id":"2"}'`);
      await sender.query(`NOTIFY begins, '{"id":"1"}'`);
      await sender.query('ROLLBACK');
      await sender.query(`NOTIFY begins, '{"id":"1"}'`);
      await sender.query(`NOTIFY "Ends", '{"id":"2"}'`);
    };
    const told = await seenBy(postgres(url, { channel: ['begins', 'Ends'] }), send, '2');
    expect(told.map(({ id, type }) => [id, type])).toEqual([
      ['1', 'begins'],
      ['2', 'Ends'],
    ]);
    expect(told[0]?.headers).toEqual([['process-id', expect.stringMatching(/^\d+$/)]]);
    await sender.end();
  });

  test('whose queue is deleted, and declared again: amqp', async () => {
    const url = `amqp://${servers['amqp']!.address}`;
    const other = await amqpConnect(url);
    const channel = await other.createConfirmChannel();
    await channel.assertQueue('work', { durable: false });
    const on = subject([amqp(url, { queue: 'work' })]);
    await openSources(on);
    const kinds = (): string => on.trace.observations.map(({ kind }) => kind).join(' ');
    const seen = async (what: string): Promise<void> => {
      while (kinds() !== what) await new Promise<void>((resolve) => void on.trace.follow(() => resolve()));
    };
    await channel.deleteQueue('work');
    await seen('error');
    expect(on.trace.observations[0]).toMatchObject({
      name: 'ConnectionLost',
      message: expect.stringContaining('"work" was deleted') as string,
    });
    await channel.assertQueue('work', { durable: false });
    channel.sendToQueue('work', Buffer.from('{"id":"1"}'));
    await seen('error note message');
    await closeSubject(on);
    // It was taken, as a worker does.
    expect((await channel.checkQueue('work')).messageCount).toBe(0);
    await other.close();
  });
});

describe.runIf(kafkaEnabled('the probe kafka'))('a broker of Kafka', () => {
  let cluster: KafkaCluster | undefined;
  beforeAll(async () => (cluster = await startKafka('orders')));
  afterAll(async () => cluster?.stop());

  test('that falls silent is seen to, and can be left', async () => {
    const silent = await startKafka('orders');
    const probe = kafka(silent.address, { topic: 'orders' });
    const [on, left] = [subject([probe]), subject([probe])];
    await Promise.all([openSources(on), openSources(left)]);
    silent.freeze();
    await closeSubject(left);
    await isLost(on);
    await closeSubject(on);
    expect(left.trace.observations.map(({ kind }) => kind)).toEqual(['end']);
    await silent.stop();
  });

  test('is read from its end on, in all partitions, with keys and header fields', async () => {
    const sender = new Producer({ clientId: 'sender', bootstrapBrokers: [cluster!.address], retries: 3 });
    const send = (partition: number, value: string, headers = {}): Promise<unknown> =>
      sender.send({
        messages: [
          {
            topic: 'orders',
            partition,
            key: Buffer.from('k'),
            value: Buffer.from(value),
            headers: new Map(Object.entries(headers).map(([name, field]) => [Buffer.from(name), Buffer.from(String(field))])),
          },
        ],
        acks: ProduceAcks.LEADER,
      });
    await send(1, '{"id":"old"}');
    const on = subject([kafka(cluster!.address, { topic: 'orders' })]);
    await openSources(on);
    await send(1, '{"id":"1"}', { ce_id: 'e-1', ce_type: 'order.paid', authorization: 'secret' });
    await send(2, '{}');
    const messages = (): readonly Told[] => on.trace.observations.filter((one): one is Told => one.kind === 'message');
    if (messages().length < 2) await new Promise<void>((resolve) => on.trace.follow(() => messages().length === 2 && resolve()));
    await closeSubject(on);
    expect(messages().toSorted((a, b) => (a.id! < b.id! ? -1 : 1))).toMatchObject([
      {
        id: 'e-1',
        type: 'order.paid',
        headers: [
          ['ce_id', 'e-1'],
          ['ce_type', 'order.paid'],
          ['authorization', '[redacted]'],
          ['kafka-key', 'k'],
        ],
      },
      { id: 'orders/2/0', type: 'orders' },
    ]);
    await sender.close();
  });

  test('is reached by any of its addresses', async () => {
    const on = subject([kafka([`127.0.0.1:${await freePort()}`, cluster!.address], { topic: 'orders' })]);
    await openSources(on);
    await closeSubject(on);
    expect(on.trace.observations.map(({ kind }) => kind)).toEqual(['end']);
  });
});

describe('what cannot be meant', () => {
  test.each<[string, () => unknown, string, RegExp]>([
    ['no address', () => nats('127.0.0.1', { subject: 'a' }), 'invalid-url', /begins with nats:\/\/ or tls:\/\/, received "127/],
    ['another address', () => amqp('http://127.0.0.1', { queue: 'a' }), 'invalid-url', /amqp:\/\/ or amqps:\/\//],
    ['a secret in a bad address', () => redis(`http://a:${SECRET}@h`, { channel: 'a' }), 'invalid-url', /received "http:\/\/h"/],
    ['neither exchange nor queue', () => amqp('amqp://h', {}), 'invalid-option', /expected an exchange or a queue/],
    ['both of them', () => amqp('amqp://h', { exchange: 'a', queue: 'b' }), 'invalid-option', /expected an exchange or a queue/],
    ['the default exchange', () => amqp('amqp://h', { exchange: '' }), 'invalid-option', /expected an exchange or a queue/],
    [
      'no routing key',
      () => amqp('amqp://h', { exchange: 'a', routingKey: [] }),
      'invalid-option',
      /routingKey: expected a name/,
    ],
    ['no subject', () => nats('nats://h', { subject: [] }), 'invalid-option', /nats: subject: expected a name/],
    ['no topic', () => mqtt('mqtt://h', { topic: '' }), 'invalid-option', /mqtt: topic: expected a name/],
    [
      'another quality',
      () => mqtt('mqtt://h', { topic: 'a', qos: 3 as 2 }),
      'invalid-option',
      /qos: expected 0, 1 or 2, received 3/,
    ],
    ['neither channel nor stream', () => redis('redis://h', {}), 'invalid-option', /expected a channel or a stream/],
    ['no entry', () => redis('redis://h', { stream: 'a', from: 'now' }), 'invalid-option', /from: expected the id of an entry/],
    [
      'a URL for Kafka',
      () => kafka(`kafka://a:${SECRET}@h:1`, { topic: 'a' }),
      'invalid-option',
      /expected host:port, received "h:1"/,
    ],
    ['a long name', () => postgres('postgres://h/d', { channel: 'x'.repeat(64) }), 'invalid-option', /at most 63 bytes/],
  ])('%s', (_, make, code, says) => {
    expect(make).toThrow(HarnessError);
    expect(make).toThrow(says);
    expect(make).toThrow(expect.objectContaining({ code }) as Error);
    expect(make).not.toThrow(SECRET);
  });
});
