import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUGS, demoApp, sqliteStore, type DemoApp, type DemoOptions, type SpanRecord } from '../../../src/demo/index.ts';
import { addressOf, bodyOf, inWorld, logIn, monitorOf, post, standing, toItsEnd, type Body, type World } from './world.ts';

/** Each looks from outside, in plain HTTP, and throws when the server is wrong. */
const CHECKS: Record<string, (world: World) => Promise<void>> = {
  'auto-commit': async (world) => {
    const ann = await logIn(world, 'ann');
    const before = await bodyOf(await ann('GET', '/accounts'));
    const refused = await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_nobody', amount: 500 });
    expect(refused.status).toBe(422);
    expect(await bodyOf(await ann('GET', '/accounts'))).toEqual(before);
  },
  'broken-trace': async (world) => {
    const spans: SpanRecord[] = [];
    const app = besides(world, { telemetry: { record: (span) => void spans.push(span), close: async () => undefined } });
    app.start();
    await app.fetch('/reports', { method: 'POST', headers: { traceparent: `00-${TRACES[0]}-00f067aa0ba902b7-01` } });
    await world.clock.sleep(10_000);
    await app.close();
    const traces = spans.filter(({ kind }) => kind === 'consumer').map(({ context }) => context.traceId);
    expect([...new Set(traces)]).toEqual([TRACES[0]]);
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
  'expired-too-soon': async (world) => {
    const monitor = monitorOf(await post(world.app));
    // Nobody looks for a minute.
    await world.clock.sleep(60_000);
    expect((await world.app.fetch(monitor)).status).toBe(200);
  },
  'faults-counted-as-success': async (world) => {
    const ann = await logIn(world, 'ann');
    world.network = () => Promise.reject(new TypeError('the line is cut'));
    expect((await ann('POST', '/bookings', FLIGHT)).status).toBe(502);
    const told = await (await world.app.fetch('/metrics')).text();
    expect(told).toMatch(/^holdfast_http_requests_total\{route="\/bookings",method="POST",status="502"\} 1$/m);
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
  'leaked-trace': async (world) => {
    const ann = await logIn(world, 'ann');
    const seats: string[] = [];
    world.network = (input, init) => {
      const { flight } = JSON.parse(typeof init?.body === 'string' ? init.body : '{}') as { flight?: string };
      const trace = new Headers(init?.headers).get('traceparent')?.split('-')[1];
      if (addressOf(input).includes('//seat.')) seats.push(`${flight} ${trace}`);
      return world.services.fetch(input, init);
    };
    const book = (flight: string, trace: string): Promise<Response> =>
      ann('POST', '/bookings', { ...FLIGHT, flight }, { traceparent: `00-${trace}-00f067aa0ba902b7-00` });
    await Promise.all([book('HF123', TRACES[0]), book('HF124', TRACES[1])]);
    expect(seats.sort()).toEqual([`HF123 ${TRACES[0]}`, `HF124 ${TRACES[1]}`]);
  },
  'lost-result': async (world) => {
    const told = await toItsEnd(world, monitorOf(await post(world.app)));
    expect(told).toMatchObject({ status: 'succeeded', result: { rows: 12 } });
    expect((await world.app.fetch(String(told['resultUrl']))).status).toBe(200);
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
  'ready-without-store': async (world) => {
    const store = sqliteStore(':memory:');
    const app = besides(world, { store });
    app.start();
    expect((await app.fetch('/health/ready')).status).toBe(200);
    await store.close();
    expect((await app.fetch('/health/ready')).status).toBe(503);
    await app.close();
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
  'retry-after-nought': async ({ app, clock }) => {
    for (let i = 0; i < 200; i++) await app.fetch('/airports');
    await clock.sleep(3_599_500);
    const refused = await app.fetch('/airports');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
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
  'window-never-ends': async ({ app, clock }) => {
    for (let i = 0; i < 200; i++) await app.fetch('/airports');
    for (let i = 0; i < 6; i++) {
      expect((await app.fetch('/airports')).status).toBe(429);
      await clock.sleep(600_000);
    }
    expect((await app.fetch('/airports')).status).toBe(200);
  },
};

/** A demo with the same bugs in the same time, which stands beside that of the world. */
function besides({ app, clock }: World, options: DemoOptions): DemoApp {
  return demoApp({ clock, bugs: app.bugs, ...options });
}

const TRACES = ['4bf92f3577b34da6a3ce929d0e0e4736', '0af7651916cd43dd8448eb211c80319c'] as const;
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
