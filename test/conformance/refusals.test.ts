/** Brokers that are not there, are something else, or let nobody in: told as what, where, and how to mend it; nothing hangs. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connect as amqpConnect } from 'amqplib';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HarnessError } from '../../src/errors.ts';
import { amqp, kafka, mqtt, nats, postgres, redis } from '../../src/probes/index.ts';
import { systemClock } from '../../src/time/index.ts';
import type { Observation } from '../../src/trace/index.ts';
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

describe.runIf(await containersEnabled('brokers that let nobody in'))('a broker that does not let one in', () => {
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

  test('and one that falls silent is seen to, and can be left', async () => {
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

  test.each(['amqp', 'nats', 'mqtt', 'redis', 'redis stream', 'postgres'])('with this password: %s', async (kind) => {
    const error = await refusal(at(servers[kind.split(' ')[0]!]!.address)[kind]!);
    expect([error.code, error.message]).toEqual(['broker-refused', expect.stringContaining('give a user who may read there')]);
    expect(error.message).not.toContain(SECRET);
  });

  test.each(['nats', 'redis', 'redis stream'])('to what it may not read: %s', async (kind) => {
    const error = await refusal(at(servers[kind.split(' ')[0]!]!.address, 'writer:writer')[kind]!);
    expect([error.code, error.message]).toEqual(['broker-refused', expect.stringContaining('does not let a be listened to')]);
  });

  test('to an exchange or a queue that it does not have: amqp', async () => {
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

  test('to what is no topic filter: mqtt', async () => {
    const error = await refusal(mqtt(`mqtt://holdfast:holdfast@${servers['mqtt']!.address}`, { topic: 'a/#/b' }));
    expect([error.code, error.message]).toEqual(['broker-refused', expect.stringContaining('does not let a/#/b be listened to')]);
  });

  test('a queue that is deleted, and declared again: amqp', async () => {
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

describe.runIf(kafkaEnabled('a topic of Kafka that is not there'))('a broker of Kafka', () => {
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
