import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUGS, type DemoOptions } from '../../../src/demo/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, standing, toItsEnd, type Body, type World } from './world.ts';

/** Each looks from outside, in plain HTTP, and throws when the server is wrong. */
const CHECKS: Record<string, (world: World) => Promise<void>> = {
  'auto-commit': async (world) => {
    const ann = await logIn(world, 'ann');
    const before = await bodyOf(await ann('GET', '/accounts'));
    const refused = await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_nobody', amount: 500 });
    expect(refused.status).toBe(422);
    expect(await bodyOf(await ann('GET', '/accounts'))).toEqual(before);
  },
  'cached-monitor': async (world) => {
    const monitor = monitorOf(await post(world.app));
    for (let look = 0; look < 3; look++) {
      expect((await world.app.fetch(monitor)).headers.get('cache-control')).toMatch(/no-cache|no-store/);
      await world.clock.sleep(1000);
    }
  },
  'cancel-ignored': async (world) => {
    const monitor = monitorOf(await post(world.app));
    await world.clock.sleep(500);
    const cancelled = await world.app.fetch(monitor, { method: 'DELETE' });
    expect(cancelled.status).toBe(200);
    expect(await bodyOf(cancelled)).toMatchObject({ status: 'cancelled' });
    expect(await toItsEnd(world, monitor)).toMatchObject({ status: 'cancelled' });
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
  'error-kept-for-ever': async (world) => {
    const ann = await logIn(world, 'ann');
    world.network = () => Promise.reject(new TypeError('fetch failed'));
    expect((await ann('POST', '/bookings', FLIGHT, { 'idempotency-key': '"1"' })).status).toBeGreaterThanOrEqual(500);
    world.network = world.services.fetch;
    await world.clock.sleep(5000);
    expect((await ann('POST', '/bookings', FLIGHT, { 'idempotency-key': '"1"' })).status).toBe(201);
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
  'key-cut-off': async (world) => {
    const ann = await logIn(world, 'ann');
    const pay = (nth: string): Promise<Response> =>
      ann('POST', '/transfers', RENT, { 'idempotency-key': `"rent-of-the-flat-in-the-old-mill-${nth}"` });
    const [may, june] = [await pay('may'), await pay('june')];
    expect(monitorOf(june)).not.toBe(monitorOf(may));
  },
  'key-expires-in-flight': async (world) => {
    const ann = await logIn(world, 'ann');
    world.network = async (input, init) => {
      await world.clock.sleep(2500);
      return world.services.fetch(input, init);
    };
    const first = ann('POST', '/bookings', FLIGHT, { 'idempotency-key': '"1"' });
    await world.clock.sleep(2000);
    const again = await ann('POST', '/bookings', FLIGHT, { 'idempotency-key': '"1"' });
    expect([again.status, (await first).status]).toEqual([409, 201]);
    expect(await standing(world)).toEqual(['payment', 'seat', 'ticket']);
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
  'key-looked-up-first': async (world) => {
    const ann = await logIn(world, 'ann');
    const pay = (): Promise<Response> => ann('POST', '/transfers', RENT, { 'idempotency-key': '"1"' });
    await Promise.all([pay(), pay()]);
    expect((await bodyOf(await ann('GET', '/transfers')))['transfers']).toHaveLength(1);
  },
  'lost-result': async (world) => {
    const told = await toItsEnd(world, monitorOf(await post(world.app)));
    expect(told).toMatchObject({ status: 'succeeded', result: { rows: 12 } });
    expect((await world.app.fetch(String(told['resultUrl']))).status).toBe(200);
  },
  'monitor-on-internal-host': async (world) => {
    const order = await post(world.app);
    expect(new URL(monitorOf(order), order.url).host).toBe(new URL(order.url).host);
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
  'replay-without-headers': async (world) => {
    const ann = await logIn(world, 'ann');
    const order = (): Promise<Response> => ann('POST', '/reports', {}, { 'idempotency-key': '"1"' });
    const monitor = monitorOf(await order());
    expect((await order()).headers.get('location')).toBe(monitor);
  },
  'resurrected-operation': async (world) => {
    const monitor = monitorOf(await post(world.app));
    const ended = await toItsEnd(world, monitor);
    for (let look = 0; look < 5; look++) {
      await world.clock.sleep(1000);
      expect(await bodyOf(await world.app.fetch(monitor))).toMatchObject({ status: ended['status'] });
    }
  },
  'retry-after-as-local-date': async (world) => {
    const accepted = await post(world.app);
    // RFC 9110 §10.2.3: seconds, or a date in GMT.
    expect(accepted.headers.get('retry-after')).toMatch(/^(?:\d+|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]{8} GMT)$/);
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
  'stuck-in-running': async (world) => {
    await toItsEnd(world, monitorOf(await post(world.app)), 60);
  },
  'undone-in-order': async (world) => {
    const ann = await logIn(world, 'ann');
    await ann('POST', '/bookings', { ...FLIGHT, flight: 'HF999' });
    expect(world.calls.indexOf('DELETE seat')).toBeLessThan(world.calls.indexOf('DELETE payment'));
  },
};

const RENT = { from: 'acc_ann_current', to: 'acc_bob_current', amount: 100 };
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
  // What is no number is no number of seconds.
  'retry-after-as-local-date': ['retry-after-as-local-date', 'retry-after-in-millis'],
  // What never ends has no result, and no second report either.
  'stuck-in-running': [
    'double-run',
    'lost-result',
    'parity-drift',
    'resurrected-operation',
    'silent-failure',
    'stuck-in-running',
  ],
};
