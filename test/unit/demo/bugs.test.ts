import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUGS, type DemoOptions } from '../../../src/demo/index.ts';
import {
  bodyOf,
  inWorld,
  logIn,
  monitorOf,
  post,
  standing,
  STREAM,
  StreamReader,
  toItsEnd,
  type Body,
  type Send,
  type World,
} from './world.ts';

/** Each looks from outside, in plain HTTP, and throws when the server is wrong. */
const CHECKS: Record<string, (world: World) => Promise<void>> = {
  'auto-commit': async (world) => {
    const ann = await logIn(world, 'ann');
    const before = await bodyOf(await ann('GET', '/accounts'));
    const refused = await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_nobody', amount: 500 });
    expect(refused.status).toBe(422);
    expect(await bodyOf(await ann('GET', '/accounts'))).toEqual(before);
  },
  'cancel-ignored': async (world) => {
    const monitor = monitorOf(await post(world.app));
    await world.clock.sleep(500);
    const cancelled = await world.app.fetch(monitor, { method: 'DELETE' });
    expect(cancelled.status).toBe(200);
    expect(await bodyOf(cancelled)).toMatchObject({ status: 'cancelled' });
    expect(await toItsEnd(world, monitor)).toMatchObject({ status: 'cancelled' });
  },
  'data-over-lines': async (world) => {
    const ann = await logIn(world, 'ann');
    const stream = await streamOf(ann, '/events');
    expect(await stream.take(1)).toMatchObject([{ data: { n: 1, type: 'account.opened' } }]);
    await stream.close();
  },
  'deadline-not-passed-on': async (world) => {
    const ann = await logIn(world, 'ann');
    const booked = await ann('POST', '/bookings', FLIGHT, { 'x-time-left-ms': '600' });
    expect(booked.status).toBeGreaterThanOrEqual(500);
    expect(await standing(world)).toEqual([]);
  },
  'double-run': async (world) => {
    await toItsEnd(world, monitorOf(await post(world.app)));
    await world.clock.sleep(10_000);
    expect((await bodyOf(await world.app.fetch('/reports')))['reports']).toHaveLength(1);
  },
  'event-ids-restart': async (world) => {
    const ann = await logIn(world, 'ann');
    const first = await bodyOf(await ann('GET', '/events?limit=1'));
    const second = await bodyOf(await ann('GET', `/events?limit=1&from=${first['next']}`));
    const [one, other] = [...(first['events'] as Body[]), ...(second['events'] as Body[])];
    expect(one?.['id']).not.toBe(other?.['id']);
  },
  'events-for-all': async (world) => {
    const ann = await logIn(world, 'ann');
    const { events } = await bodyOf(await ann('GET', '/events'));
    expect((events as Body[]).map(({ subject }) => String(subject))).toEqual([
      '/accounts/acc_ann_current',
      '/accounts/acc_ann_savings',
    ]);
  },
  'expired-too-soon': async (world) => {
    const monitor = monitorOf(await post(world.app));
    // Nobody looks for a minute.
    await world.clock.sleep(60_000);
    expect((await world.app.fetch(monitor)).status).toBe(200);
  },
  'if-match-ignored': async (world) => {
    const ann = await logIn(world, 'ann');
    const path = monitorOf(await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' }));
    const etag = String((await ann('GET', path)).headers.get('etag'));
    await ann('PUT', path, { name: 'Ada King', email: 'ada@example.test' }, { 'if-match': etag });
    const late = await ann('PUT', path, { name: 'Ada', email: 'new@example.test' }, { 'if-match': etag });
    expect(late.status).toBe(412);
    expect(await bodyOf(await ann('GET', path))).toMatchObject({ name: 'Ada King' });
  },
  'key-for-all-callers': async (world) => {
    const [ann, bob] = [await logIn(world, 'ann'), await logIn(world, 'bob')];
    const customer = { name: 'Ada', email: 'ada@example.test' };
    await ann('POST', '/customers', customer, { 'idempotency-key': '"1"' });
    const his = await bob('POST', '/customers', customer, { 'idempotency-key': '"1"' });
    expect((await bob('GET', monitorOf(his))).status).toBe(200);
  },
  'key-ignores-body': async (world) => {
    const ann = await logIn(world, 'ann');
    const pay = (amount: number): Promise<Response> =>
      ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_bob_current', amount }, { 'idempotency-key': '"1"' });
    await pay(100);
    expect((await pay(200)).status).toBe(422);
  },
  'lost-result': async (world) => {
    const told = await toItsEnd(world, monitorOf(await post(world.app)));
    expect(told).toMatchObject({ status: 'succeeded', result: { rows: 12 } });
    expect((await world.app.fetch(String(told['resultUrl']))).status).toBe(200);
  },
  'newest-page-only': async (world) => {
    const ann = await logIn(world, 'ann');
    for (let i = 0; i < 60; i++) await pay(ann, 1);
    const stream = await streamOf(ann, '/events?subject=/accounts/acc_ann_savings');
    const told = await within(world, 5_000, stream.take(61));
    expect(told.map(({ data }) => Number(data?.['n']))).toEqual([2, ...Array.from({ length: 60 }, (_, i) => 8 + 2 * i)]);
    await stream.close();
  },
  'no-heartbeat': async (world) => {
    const ann = await logIn(world, 'ann');
    const stream = await streamOf(ann, '/events?from=now');
    expect(await within(world, 59_000, stream.next())).toMatchObject({ comment: expect.any(String) });
    await stream.close();
  },
  'operations-for-all': async (world) => {
    const [ann, eve] = [await logIn(world, 'ann'), await logIn(world, 'eve')];
    const monitor = monitorOf(await ann('POST', '/reports', {}));
    expect((await eve('GET', monitor)).status).toBe(404);
    expect((await eve('DELETE', monitor)).status).toBe(404);
    expect((await ann('GET', monitor)).status).toBe(200);
  },
  'orphan-payment': async (world) => {
    const ann = await logIn(world, 'ann');
    world.network = async (input, init) => {
      const answer = await world.services.fetch(input, init);
      if (init?.method === 'PUT') throw new TypeError('the answer was lost');
      return answer;
    };
    expect((await ann('POST', '/bookings', FLIGHT)).status).toBe(502);
    expect(await standing(world)).toEqual([]);
  },
  'parity-drift': async (world) => {
    const sync = await bodyOf(await post(world.app, {}, '?mode=sync'));
    const told = await toItsEnd(world, monitorOf(await post(world.app)));
    if ('result' in told) expect(told['result']).toEqual(sync);
  },
  'partial-of-another': async (world) => {
    const report = await bodyOf(await post(world.app, { rows: 10 }, '?mode=sync'));
    const monitor = monitorOf(await post(world.app, { rows: 10 }));
    await world.clock.sleep(1_000);
    const { partial } = await bodyOf(await world.app.fetch(monitor));
    const { lines } = partial as { lines: unknown[] };
    expect(lines).not.toEqual([]);
    expect(lines).toEqual((report['lines'] as unknown[]).slice(0, lines.length));
  },
  'progress-backwards': async (world) => {
    const monitor = monitorOf(await post(world.app));
    let before = 0;
    for (let look = 0; look < 40; look++) {
      await world.clock.sleep(50);
      const { progress, status } = await bodyOf(await world.app.fetch(monitor));
      expect(progress).toBeGreaterThanOrEqual(before);
      before = Number(progress);
      if (status === 'succeeded') break;
    }
  },
  'replay-of-today': async (world) => {
    const ann = await logIn(world, 'ann');
    const { next } = await bodyOf(await ann('GET', '/events?from=now'));
    await pay(ann, 1_000);
    const monitor = monitorOf(await ann('POST', '/replays', { to: Number(next) - 1 }));
    await world.clock.sleep(10_000);
    const { result } = await bodyOf(await ann('GET', monitor));
    expect(result).toMatchObject({ state: { accounts: { acc_ann_current: { balance: 100_000 } } } });
  },
  'replay-writes-again': async (world) => {
    const ann = await logIn(world, 'ann');
    await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' });
    await ann('POST', '/replays');
    await world.clock.sleep(10_000);
    expect((await bodyOf(await ann('GET', '/events?type=customer.created')))['events']).toHaveLength(1);
  },
  'resume-repeats-one': async (world) => {
    const ann = await logIn(world, 'ann');
    const stream = await streamOf(ann, '/events');
    const [first, second] = await stream.take(2);
    await stream.close();
    const resumed = await streamOf(ann, '/events', { 'last-event-id': String(first?.id) });
    expect(await resumed.take(1)).toEqual([second]);
    await resumed.close();
  },
  'resurrected-operation': async (world) => {
    const monitor = monitorOf(await post(world.app));
    const ended = await toItsEnd(world, monitor);
    for (let look = 0; look < 5; look++) {
      await world.clock.sleep(1000);
      expect(await bodyOf(await world.app.fetch(monitor))).toMatchObject({ status: ended['status'] });
    }
  },
  'retry-after-in-millis': async (world) => {
    const accepted = await post(world.app);
    expect(Number(accepted.headers.get('retry-after'))).toBeLessThanOrEqual(10);
  },
  'shared-rate-limit': async (world) => {
    const [ann, bob] = [await logIn(world, 'ann'), await logIn(world, 'bob')];
    for (let i = 0; i < 200; i++) await ann('GET', '/accounts');
    expect((await ann('GET', '/accounts')).status).toBe(429);
    expect((await bob('GET', '/accounts')).status).toBe(200);
  },
  'silent-failure': async (world) => {
    const told = await toItsEnd(world, monitorOf(await post(world.app, { template: 'none' })));
    if (told['status'] === 'failed') expect(told['error']).toMatchObject({ title: expect.any(String), status: 422 });
  },
  'snapshot-cuts-transaction': async (world) => {
    const ann = await logIn(world, 'ann');
    await pay(ann, 1_000);
    const { state } = await bodyOf(await ann('POST', '/snapshots'));
    const { accounts } = state as { accounts: Record<string, { balance: number }> };
    expect(accounts['acc_ann_current']!.balance + accounts['acc_ann_savings']!.balance).toBe(200_000);
  },
  'stale-etag': async (world) => {
    const monitor = monitorOf(await post(world.app));
    const seen = new Map<string, Body>();
    for (let look = 0; look < 20; look++) {
      const response = await world.app.fetch(monitor);
      const told = await bodyOf(response);
      const etag = String(response.headers.get('etag'));
      if (told['status'] === 'queued' || told['status'] === 'running') expect(seen.get(etag) ?? told).toEqual(told);
      seen.set(etag, told);
      await world.clock.sleep(100);
    }
  },
  'stream-never-ends': async (world) => {
    const stream = new StreamReader(await world.app.fetch(monitorOf(await post(world.app)), { headers: STREAM }));
    expect((await stream.toItsEnd(world.clock, 60_000)).length).toBeGreaterThan(2);
  },
  'stuck-in-running': async (world) => {
    await toItsEnd(world, monitorOf(await post(world.app)), 60);
  },
  'undone-in-order': async (world) => {
    const ann = await logIn(world, 'ann');
    await ann('POST', '/bookings', { ...FLIGHT, flight: 'HF999' });
    expect(world.calls.indexOf('DELETE seat')).toBeLessThan(world.calls.indexOf('DELETE payment'));
  },
  'zone-ignored': async (world) => {
    const ann = await logIn(world, 'ann');
    await pay(ann, 1_000);
    await world.clock.sleep(1_800_000);
    await pay(ann, 1_000);
    // A quarter past midnight in Greenwich.
    const { events } = await bodyOf(await ann('GET', '/events?from=2023-12-31T22:15:00-02:00'));
    expect(events).toHaveLength(2);
  },
};

const pay = (send: Send, amount: number): Promise<Response> =>
  send('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount });
const streamOf = async (send: Send, path: string, headers: Record<string, string> = {}): Promise<StreamReader> =>
  new StreamReader(await send('GET', path, undefined, { ...STREAM, ...headers }));
/** What comes, or a failure when it has not come in time. */
const within = <T>({ clock }: World, ms: number, coming: Promise<T>): Promise<T> =>
  Promise.race([
    coming,
    clock.sleep(ms).then((): never => {
      throw new Error(`nothing came within ${ms} ms`);
    }),
  ]);

const FLIGHT = { flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' };

/** What a check needs the server to be set to; no other comes near this limit. */
const OPTIONS: DemoOptions = { rateLimit: { requests: 200, per: '1h' } };

const run = async (check: string, bugs: readonly string[]): Promise<unknown> =>
  inWorld({ ...OPTIONS, bugs }, CHECKS[check]!).then(
    () => undefined,
    (error: unknown) => error,
  );

describe('every bug', () => {
  test('has a direct check', () => {
    expect(Object.keys(CHECKS)).toEqual(BUGS.map(({ name }) => name));
  });

  test.each(BUGS.map(({ name }) => name))('%s makes its check red', async (name) => {
    expect(await run(name, [])).toBeUndefined();
    expect(await run(name, [name])).toBeInstanceOf(Error);
  });

  test.each(BUGS.map(({ name }) => name))('%s makes no check red that has nothing to do with it', async (name) => {
    const red: string[] = [];
    for (const check of Object.keys(CHECKS)) if ((await run(check, [name])) !== undefined) red.push(check);
    expect(red).toEqual(ALSO[name] ?? [name]);
  });

  test('can be planted together with others', async () => {
    for (const check of ['lost-result', 'progress-backwards', 'retry-after-in-millis']) {
      expect(await run(check, ['retry-after-in-millis', 'lost-result', 'progress-backwards'])).toBeInstanceOf(Error);
    }
  });

  test.each(BUGS)('$name is told in a family and one line, and lives in a file of its name', ({ name, family, story }) => {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(family).toMatch(/^[a-z-]+$/);
    expect(story).toMatch(/^\S.{30,140}$/);
    const file = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    expect(readFileSync(`src/demo/bugs/${file}.ts`, 'utf8')).toContain(`export const ${file}: Bug = {`);
  });

  test('is in the index', () => {
    const files = readdirSync('src/demo/bugs').filter((file) => file !== 'index.ts');
    expect(files).toHaveLength(BUGS.length);
  });
});

/** Where one defect shows in more than one way. */
const ALSO: Record<string, string[]> = {
  // Whatever a stream tells is half a message.
  'data-over-lines': ['data-over-lines', 'newest-page-only', 'resume-repeats-one', 'stream-never-ends'],
  // What is found by its id is another.
  'event-ids-restart': ['event-ids-restart', 'resume-repeats-one'],
  // What never ends has no result, and no second report either.
  'stuck-in-running': [
    'double-run',
    'lost-result',
    'parity-drift',
    'replay-of-today',
    'resurrected-operation',
    'silent-failure',
    'stream-never-ends',
    'stuck-in-running',
  ],
};
