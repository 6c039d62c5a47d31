import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { demoApp, serve, sqliteStore, type Store } from '../../../src/demo/index.ts';
import { all } from '../../../src/demo/db.ts';
import { seeded, virtualClock, type VirtualClock } from '../../../src/time/index.ts';

/** What a receiver got. */
interface Got {
  readonly url: string;
  readonly id: string;
  readonly text: string;
  readonly genuine: boolean;
}

type Reply = (response: ServerResponse, request: IncomingMessage) => void;

interface World {
  readonly clock: VirtualClock;
  readonly got: readonly Got[];
  /** Sends the test event of the subscription. */
  ping(): Promise<void>;
  /** Waits until the receiver has got so many. */
  arrived(count: number): Promise<void>;
  /** Waits until the outcome of that attempt is noted, and tells it. */
  noted(attempt: number): Promise<Row>;
  /** Moves time on to the moment of the next attempt, and no further: that takes real time. */
  retry(after: Row): Promise<void>;
  readonly state: () => Promise<unknown>;
}

interface Row {
  readonly state: string;
  readonly attempt: number;
  readonly last_status: number | null;
  readonly last_error: string | null;
  readonly due_at: number;
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const HEADERS = { 'content-type': 'application/json' };

/** The demo on a socket, a subscription of Ann's, and a receiver that answers one after the other; the last for ever. */
async function worldOf(...replies: readonly [Reply, ...Reply[]]): Promise<World> {
  const got: Got[] = [];
  const waiting = new Set<() => void>();
  let secret = '';
  const receiver = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
      const field = (name: string): string => String(request.headers[`webhook-${name}`]);
      const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
      const signed = createHmac('sha256', key)
        .update(`${field('id')}.${field('timestamp')}.${text}`)
        .digest('base64');
      const genuine = field('signature') === `v1,${signed}`;
      got.push({ url: request.url ?? '', id: field('id'), text, genuine });
      (replies[got.length - 1] ?? replies.at(-1)!)(response, request);
      for (const look of waiting) look();
    })();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  closing.push(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await once(receiver, 'close');
  });
  // Sockets take real time, retries virtual: a day of them goes by at once.
  const clock = virtualClock();
  const store = sqliteStore(':memory:');
  const server = await serve(demoApp({ clock, store, random: seeded(7) }));
  closing.push(async () => {
    await server.close();
    await store.close();
  });
  const post = async (path: string, body: object, token = ''): Promise<Record<string, string>> => {
    const headers = { ...HEADERS, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers });
    return (await answer.json()) as Record<string, string>;
  };
  const { token } = await post('/login', { user: 'ann', password: 'ann-demo' });
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hooks`;
  const made = await post('/subscriptions', { url, types: ['report.created'] }, token);
  secret = String(made['secret']);
  return {
    clock,
    got,
    ping: async () => void (await post(`/subscriptions/${made['id']}/test`, {}, token)),
    arrived: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (got.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    noted: (attempt) => noted(store, attempt),
    retry: ({ due_at }) => clock.advance(due_at - clock.wall()),
    state: async () => (await store.db.single(() => all<{ state: string }>('SELECT state FROM subscriptions')))[0]?.state,
  };
}

function noted({ db }: Store, attempt: number): Promise<Row> {
  const sql = 'SELECT state, attempt, last_status, last_error, due_at FROM deliveries WHERE attempt = ? AND leased_until = 0';
  return new Promise((resolve, reject) => {
    const look = (): void => {
      db.single(() => all<Row>(sql, attempt)).then(([row]) => {
        if (row === undefined) return;
        off();
        resolve(row);
      }, reject);
    };
    const off = db.onCommit(look);
    look();
  });
}

const answering =
  (status: number, headers: Record<string, string> = {}): Reply =>
  (response) =>
    void response.writeHead(status, headers).end();
const hanging: Reply = () => undefined;
const cutting: Reply = (_response, { socket }) => void socket.destroy();

describe('a webhook over real sockets', () => {
  test('reaches its receiver after two failures, signed, under one id', async () => {
    const world = await worldOf(answering(500), answering(500), answering(204));
    await world.ping();
    for (const attempt of [1, 2]) {
      const failed = await world.noted(attempt);
      expect(failed).toMatchObject({ state: 'waiting', last_status: 500 });
      await world.retry(failed);
    }
    expect(await world.noted(3)).toMatchObject({ state: 'delivered', last_status: 204 });
    expect(world.got.map(({ genuine, id }) => [genuine, id])).toEqual(world.got.map(() => [true, world.got[0]!.id]));
    expect(new Set(world.got.map(({ text }) => text)).size).toBe(1);
    expect(JSON.parse(world.got[0]!.text)).toMatchObject({ type: 'subscription.tested' });
  });

  test('is given up after fifteen seconds where nobody answers, and sent again', async () => {
    const world = await worldOf(hanging, answering(200));
    await world.ping();
    await world.arrived(1);
    await world.clock.advance(15_000);
    const failed = await world.noted(1);
    expect(failed).toMatchObject({ state: 'waiting', last_error: 'there was no answer in time' });
    await world.retry(failed);
    expect(await world.noted(2)).toMatchObject({ state: 'delivered' });
  });

  test('is sent again where the connection was cut', async () => {
    const world = await worldOf(cutting, answering(200));
    await world.ping();
    const failed = await world.noted(1);
    expect(failed).toMatchObject({ state: 'waiting', last_error: expect.stringContaining('fetch failed') });
    await world.retry(failed);
    expect(await world.noted(2)).toMatchObject({ state: 'delivered' });
  });

  test('is not sent to who answered 410 any more', async () => {
    const world = await worldOf(answering(410));
    await world.ping();
    expect(await world.noted(1)).toMatchObject({ state: 'dropped', last_status: 410 });
    expect(await world.state()).toBe('disabled');
    await world.clock.advance(86_400_000);
    expect(world.got).toHaveLength(1);
  });

  test('waits for as long as Retry-After asks', async () => {
    const world = await worldOf(answering(429, { 'retry-after': '60' }), answering(200));
    await world.ping();
    await world.noted(1);
    await world.clock.advance(59_999);
    expect(world.got).toHaveLength(1);
    await world.clock.advance(1);
    expect(await world.noted(2)).toMatchObject({ state: 'delivered' });
  });

  test('follows no redirect', async () => {
    const world = await worldOf(answering(307, { location: '/elsewhere' }), answering(200));
    await world.ping();
    expect(await world.noted(1)).toMatchObject({ state: 'waiting', last_status: 307 });
    expect(world.got.map(({ url }) => url)).toEqual(['/hooks']);
  });

  test('reads nothing of an answer but its status', async () => {
    let closed: Promise<unknown> | undefined;
    const world = await worldOf((response) => {
      closed = once(response, 'close');
      // An answer without an end, as fast as it is read.
      const write = (): void => {
        while (response.write('x'.repeat(65_536)));
      };
      response.on('drain', write).writeHead(200);
      write();
    });
    await world.ping();
    expect(await world.noted(1)).toMatchObject({ state: 'delivered', last_status: 200 });
    await closed;
  });
});

test('a callback is checked by the bytes that came over the socket', async () => {
  const server = await serve(demoApp());
  closing.push(() => server.close());
  const { callbackSecret } = (await (await fetch(server.url)).json()) as { callbackSecret: string };
  const body =
    '{ "type": "payment.captured", "timestamp": "2024-01-01T00:00:00Z", "data": {"payment": "pay_ü1", "sequence": 1} }';
  const genuine = body.replace('ü', '');
  const timestamp = Math.floor((performance.timeOrigin + performance.now()) / 1000);
  const key = Buffer.from(callbackSecret.replace('whsec_', ''), 'base64');
  const call = async (sent: string, signed: string): Promise<number> => {
    const signature = `v1,${createHmac('sha256', key).update(`m1.${timestamp}.${signed}`).digest('base64')}`;
    const headers = { ...HEADERS, 'webhook-id': 'm1', 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
    return (await fetch(`${server.url}/callbacks/payments`, { method: 'POST', body: sent, headers })).status;
  };
  expect(await call(genuine, JSON.stringify(JSON.parse(genuine)))).toBe(401);
  expect(await call(body, body)).toBe(422);
  expect(await call(genuine, genuine)).toBe(204);
  expect(await call(genuine, genuine)).toBe(204);
  const payment = (await (await fetch(`${server.url}/payments/pay_1`)).json()) as { state: string; history: unknown[] };
  expect([payment.state, payment.history.length]).toEqual(['captured', 1]);
});
