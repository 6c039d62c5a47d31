import { describe, expect, test } from 'vitest';
import { demoApp, sqliteStore, type Bug } from '../../../src/demo/index.ts';
import { expositionFor, knownMethod } from '../../../src/demo/metrics.ts';
import type { Queue } from '../../../src/demo/queue.ts';
import { seeded, virtualClock } from '../../../src/time/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, toItsEnd, type World } from './world.ts';

async function metricsOf({ app }: Pick<World, 'app'>, accept?: string): Promise<string> {
  const response = await app.fetch('/metrics', accept === undefined ? {} : { headers: { accept } });
  expect(response.status).toBe(200);
  return response.text();
}

/** Lines that begin so, without what changes by itself. */
const about = (text: string, name: string): readonly string[] => text.split('\n').filter((line) => line.startsWith(name));

const hanging: Bug = {
  name: 'hanging',
  family: 'monitoring',
  story: '',
  plant: ({ checks }) => ({ checks: [...checks, { name: 'queue', ask: () => new Promise(() => undefined) }] }),
};

describe('health', () => {
  test('it is live at once, and ready when its worker has started, until it goes down', async () => {
    const clock = virtualClock();
    const app = demoApp({ clock, random: seeded(7) });
    const ask = async (path: string): Promise<unknown> => {
      const response = await app.fetch(path);
      expect(response.headers.get('cache-control')).toBe('no-store');
      return [response.status, (await bodyOf(response))['detail']];
    };
    expect(await ask('/health/live')).toEqual([200, undefined]);
    expect(await ask('/health/ready')).toEqual([503, 'worker is down']);
    app.start();
    expect(await ask('/health/ready')).toEqual([200, undefined]);
    const closed = app.close();
    expect(await ask('/health/ready')).toEqual([503, 'the server is going down; worker is down']);
    await closed;
    expect(await ask('/health/live')).toEqual([200, undefined]);
  });

  test('a store that is down makes it unready, and a problem says so', async () => {
    const store = sqliteStore(':memory:');
    // Whatever looks into the store beside this finds it down, too.
    await inWorld({ store, onError: () => undefined }, async ({ app }) => {
      await store.close();
      const response = await app.fetch('/health/ready');
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
      expect(await bodyOf(response)).toMatchObject({ type: '/problems/unready', detail: 'store is down' });
      expect((await app.fetch('/health/live')).status).toBe(200);
    });
  });

  test('what does not say whether it is up is down after a second', () =>
    inWorld({ bugs: [hanging] }, async ({ app, clock }) => {
      const response = await app.fetch('/health/ready');
      expect([response.status, clock.now()]).toEqual([503, 1000]);
      expect(await bodyOf(response)).toMatchObject({ detail: 'queue is down' });
    }));

  test('nobody is asked for a token or counted; other methods and paths are refused', () =>
    inWorld({ rateLimit: { requests: 1, per: '1h' } }, async ({ app }) => {
      for (const path of ['/health/live', '/health/ready', '/metrics', '/metrics']) {
        const response = await app.fetch(path, { headers: { authorization: 'Bearer nonsense' } });
        expect([response.status, response.headers.get('ratelimit')]).toEqual([200, null]);
      }
      const put = await app.fetch('/metrics', { method: 'PUT', body: '1' });
      expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
      expect((await app.fetch('/health/dead')).status).toBe(404);
      expect((await app.fetch('/airports')).status).toBe(429);
    }));
});

describe('metrics', () => {
  test('requests are counted by the template of their route, method and status, and never by an id', () =>
    inWorld({}, async (world) => {
      const ann = await logIn(world, 'ann');
      const path = monitorOf(await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' }));
      await ann('GET', path);
      await ann('GET', path);
      await ann('GET', '/customers/cus_nobody');
      await world.app.fetch('/no/such/place');
      await world.app.fetch('/airports', { method: 'BREW' });
      const told = await metricsOf(world);
      expect(about(told, 'holdfast_http_requests_total')).toEqual([
        'holdfast_http_requests_total{route="/login",method="POST",status="200"} 1',
        'holdfast_http_requests_total{route="/customers",method="POST",status="201"} 1',
        'holdfast_http_requests_total{route="/customers/{id}",method="GET",status="200"} 2',
        'holdfast_http_requests_total{route="/customers/{id}",method="GET",status="404"} 1',
        'holdfast_http_requests_total{route="(none)",method="GET",status="404"} 1',
        'holdfast_http_requests_total{route="/airports",method="_OTHER",status="405"} 1',
      ]);
      expect(told).not.toMatch(/cus_|no\/such|BREW/);
    }));

  test('how long they took is a histogram in seconds of the clock', () =>
    inWorld({}, async (world) => {
      await post(world.app, { work: 300 }, '?mode=sync');
      await post(world.app, { work: 20_000 }, '?mode=sync');
      const rows = about(await metricsOf(world), 'holdfast_http_request_duration_seconds').map((line) =>
        line.replace(/^.*\{route="\/reports",method="POST",?/, ''),
      );
      expect(rows).toEqual([
        ...['0.005', '0.01', '0.025', '0.05', '0.075', '0.1', '0.25'].map((bound) => `le="${bound}"} 0`),
        ...['0.5', '0.75', '1.0', '2.5', '5.0', '7.5', '10.0'].map((bound) => `le="${bound}"} 1`),
        'le="+Inf"} 2',
        '} 2',
        '} 20.3',
      ]);
    }));

  test('no fewer jobs than none wait, though others of whom nothing is known here hand them over', () => {
    const queue: Queue = {
      size: 0,
      busy: 1,
      deliver: () => undefined,
      start: () => undefined,
      idle: () => undefined,
      stop: async () => undefined,
    };
    return inWorld({ queue: () => queue }, async (world) => {
      const told = await world.app.fetch('/metrics');
      expect([told.headers.has('date'), told.headers.get('vary')]).toEqual([true, 'Accept']);
      expect(about(await told.text(), 'holdfast_queue_jobs')).toEqual(['holdfast_queue_jobs 0']);
    });
  });

  test('work is told by kind and status, with what waits, what is worked on and what the log holds', () =>
    inWorld({ workers: 2, work: '10s' }, async (world) => {
      const monitors = [];
      for (let i = 0; i < 3; i++) monitors.push(monitorOf(await post(world.app)));
      await world.clock.sleep(2000);
      const busy = await metricsOf(world);
      expect(about(busy, 'holdfast_operations{')).toEqual([
        'holdfast_operations{kind="report",status="queued"} 1',
        'holdfast_operations{kind="report",status="running"} 2',
      ]);
      expect(about(busy, 'holdfast_queue_jobs')).toEqual(['holdfast_queue_jobs 1']);
      expect(about(busy, 'holdfast_worker_slots')).toEqual(['holdfast_worker_slots 2', 'holdfast_worker_slots_used 2']);
      for (const monitor of monitors) await toItsEnd(world, monitor);
      const idle = await metricsOf(world);
      expect(about(idle, 'holdfast_operations{')).toEqual(['holdfast_operations{kind="report",status="succeeded"} 3']);
      expect(about(idle, 'holdfast_worker_slots_used')).toEqual(['holdfast_worker_slots_used 0']);
      const events = (text: string): number => Number(/^holdfast_events_total (\d+)$/m.exec(text)?.[1]);
      expect(events(idle)).toBeGreaterThan(events(busy));
      expect(Number(/^process_resident_memory_bytes (\d+)$/m.exec(idle)?.[1])).toBeGreaterThan(1_000_000);
    }));

  test('a store that is down is told, and what it would know is left out', async () => {
    const store = sqliteStore(':memory:');
    await inWorld({ store }, async (world) => {
      expect(about(await metricsOf(world), 'holdfast_store_up')).toEqual(['holdfast_store_up 1']);
      await store.close();
      const told = await metricsOf(world);
      expect(about(told, 'holdfast_store_up')).toEqual(['holdfast_store_up 0']);
      expect(told).not.toMatch(/holdfast_(operations|events)/);
      expect(about(told, 'holdfast_worker_slots_used')).toHaveLength(1);
    });
  });

  test('every line is one that Prometheus reads', () =>
    inWorld({}, async (world) => {
      await post(world.app);
      const response = await world.app.fetch('/metrics');
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      const text = await response.text();
      expect(text.endsWith('\n')).toBe(true);
      const sample = /^[a-z_]+(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? \d+(\.\d+)?$/;
      for (const line of text.trimEnd().split('\n'))
        expect(line).toMatch(line.startsWith('# ') ? /^# (HELP|TYPE) [a-z_]+ \S/ : sample);
      expect(text).toContain('# TYPE holdfast_http_requests_total counter\n');
    }));

  test('OpenMetrics names the family of a counter without its suffix, and says where it ends', () =>
    inWorld({}, async (world) => {
      await post(world.app);
      const response = await world.app.fetch('/metrics', { headers: { accept: 'application/openmetrics-text;version=1.0.0' } });
      expect(response.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
      const text = await response.text();
      expect(text).toContain('# TYPE holdfast_http_requests counter\nholdfast_http_requests_total{');
      expect(text.endsWith('\n# EOF\n')).toBe(true);
    }));

  test.each([
    [null, 'text'],
    ['*/*', 'text'],
    ['text/plain', 'text'],
    ['application/openmetrics-text', 'openmetrics'],
    ['application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1', 'openmetrics'],
    ['application/openmetrics-text;q=0.2, text/plain', 'text'],
    ['application/openmetrics-text;q=0', 'text'],
    ['application/openmetrics-text;q=much', 'text'],
  ])('Accept: %s is answered with %s', (accept, format) => {
    expect(expositionFor(accept)).toBe(format);
  });

  test('there are not so many methods', () => {
    expect(['GET', 'PATCH', 'get', 'X'].map(knownMethod)).toEqual(['GET', 'PATCH', '_OTHER', '_OTHER']);
  });
});
