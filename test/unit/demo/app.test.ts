import { describe, expect, test, vi } from 'vitest';
import { DbAway } from '../../../src/demo/db.ts';
import { demoApp, type Bug } from '../../../src/demo/index.ts';
import type { Queue } from '../../../src/demo/queue.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, toItsEnd, worldOf, type World } from './world.ts';

describe('a report ordered asynchronously', () => {
  test('is accepted with a monitor, then queued, running and succeeded', async () => {
    await inWorld({ work: '10s' }, async (world) => {
      const { app, clock } = world;
      const accepted = await post(app, { title: 'March', rows: 3 });
      expect(accepted.status).toBe(202);
      expect(accepted.headers.get('retry-after')).toBe('1');
      expect(accepted.headers.get('content-type')).toBe('application/json');
      const body = await bodyOf(accepted);
      expect(body).toEqual({
        id: expect.stringMatching(/^op_[0-9a-f]{16}$/),
        kind: 'report',
        status: 'queued',
        progress: 0,
        createdAt: '2024-01-01T00:00:00.000Z',
      });
      expect(accepted.headers.get('location')).toBe(`/operations/${body['id']}`);

      const seen: string[] = [];
      // A moment after each step: who is first of two that fall due together is nobody's promise.
      await clock.sleep(1);
      for (let look = 0; look < 11; look++) {
        const response = await app.fetch(monitorOf(accepted));
        const told = await bodyOf(response);
        seen.push(`${told['status']} ${told['progress']}`);
        expect(response.headers.get('cache-control')).toBe('no-cache');
        expect(response.headers.get('retry-after')).toBe(told['status'] === 'succeeded' ? null : '1');
        await clock.sleep(1000);
      }
      expect(seen).toEqual([
        'queued 0',
        'running 0',
        'running 10',
        'running 20',
        'running 30',
        'running 40',
        'running 50',
        'running 60',
        'running 70',
        'running 80',
        'succeeded 100',
      ]);
      const told = await bodyOf(await app.fetch(monitorOf(accepted)));
      expect(told).toMatchObject({
        startedAt: '2024-01-01T00:00:01.000Z',
        endedAt: '2024-01-01T00:00:10.000Z',
        result: { title: 'March', rows: 3 },
      });
      expect(await bodyOf(await app.fetch(String(told['resultUrl'])))).toEqual(told['result']);
    });
  });

  test('of an hour, looked at every two seconds, takes exactly 1,800 looks', async () => {
    const { looks, took } = await inWorld({ work: '1h', retryAfter: 2 }, async ({ app, clock }) => {
      const accepted = await post(app);
      let looks = 0;
      for (let wait = accepted.headers.get('retry-after'); wait !== null; looks++) {
        await clock.sleep(Number(wait) * 1000);
        wait = (await app.fetch(monitorOf(accepted))).headers.get('retry-after');
      }
      return { looks, took: clock.now() };
    });
    expect({ looks, took }).toEqual({ looks: 1800, took: 3_600_000 });
  });

  test('gives the same as one ordered synchronously, in the answer, the operation and the resource', async () => {
    await inWorld({}, async (world) => {
      const order = { title: 'Parity', rows: 45, template: 'trips' };
      const sync = await post(world.app, order, '?mode=sync');
      expect(sync.status).toBe(200);
      const text = await sync.text();
      expect(JSON.parse(text)).toMatchObject({ title: 'Parity', rows: 45, pages: 2, template: 'trips' });
      expect(await (await world.app.fetch(String(sync.headers.get('content-location')))).text()).toBe(text);

      const told = await toItsEnd(world, monitorOf(await post(world.app, order)));
      expect(told['result']).toEqual(JSON.parse(text));
      expect(await (await world.app.fetch(String(told['resultUrl']))).text()).toBe(text);
    });
  });

  test('fails with the problem that the synchronous way answers with', async () => {
    await inWorld({}, async (world) => {
      const order = { template: 'slaes' };
      const sync = await post(world.app, order, '?mode=sync');
      expect([sync.status, sync.headers.get('content-type')]).toEqual([422, 'application/problem+json']);
      const refused = await bodyOf(sync);
      expect(refused).toEqual({
        type: '/problems/unknown-template',
        title: 'There is no such template',
        status: 422,
        detail: 'there is no template "slaes"; did you mean "sales"?',
      });
      const told = await toItsEnd(world, monitorOf(await post(world.app, order)));
      expect(told).toMatchObject({ status: 'failed', progress: 90, error: refused });
      expect(told).not.toHaveProperty('result');
      expect(await bodyOf(await world.app.fetch(String(refused['type'])))).toMatchObject({
        status: 422,
        mend: expect.any(String),
      });
    });
  });

  test('takes as long as its order says', async () => {
    await inWorld({ work: '1h' }, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app, { work: '2s' }));
      await clock.sleep(1999);
      expect(await bodyOf(await app.fetch(monitor))).toMatchObject({ status: 'running' });
      await clock.sleep(1);
      expect(await bodyOf(await app.fetch(monitor))).toMatchObject({ status: 'succeeded' });
    });
  });

  test('waits in the queue, in order, while all workers are busy', async () => {
    await inWorld({ work: '10s', workers: 1 }, async ({ app, clock }) => {
      const monitors = [monitorOf(await post(app)), monitorOf(await post(app)), monitorOf(await post(app))];
      const states = async (): Promise<unknown[]> =>
        Promise.all(monitors.map(async (monitor) => (await bodyOf(await app.fetch(monitor)))['status']));
      await clock.sleep(5000);
      expect(await states()).toEqual(['running', 'queued', 'queued']);
      await clock.sleep(9000);
      expect(await states()).toEqual(['succeeded', 'running', 'queued']);
      await clock.sleep(14_001);
      expect(await states()).toEqual(['succeeded', 'succeeded', 'succeeded']);
    });
  });

  test('stays queued until the worker is started', async () => {
    const { app, clock } = worldOf({ work: '1s' });
    const monitor = monitorOf(await post(app));
    await clock.advance(60_000);
    expect(await bodyOf(await app.fetch(monitor))).toMatchObject({ status: 'queued' });
    app.start();
    await clock.advance(1000);
    expect(await bodyOf(await app.fetch(monitor))).toMatchObject({ status: 'succeeded' });
    await app.close();
  });
});

describe('Retry-After', () => {
  test.each([
    [0, '0'],
    [1, '1'],
    [30, '30'],
    [false, null],
  ] as const)('of %s is told as %s while the operation goes on', async (retryAfter, told) => {
    await inWorld({ retryAfter, work: '1s' }, async (world) => {
      const accepted = await post(world.app);
      expect(accepted.headers.get('retry-after')).toBe(told);
      expect((await world.app.fetch(monitorOf(accepted))).headers.get('retry-after')).toBe(told);
      await toItsEnd(world, monitorOf(accepted));
      expect((await world.app.fetch(monitorOf(accepted))).headers.get('retry-after')).toBeNull();
    });
  });

  test.each([1.5, -1, Number.NaN, 86_401, '2'])('of %s is refused', (retryAfter) => {
    expect(() => demoApp({ retryAfter: retryAfter as number })).toThrow(
      /retryAfter: expected a whole number from 0 to 86400, received .*\n.*seconds/,
    );
  });
});

describe('conditional requests', () => {
  test('are answered with 304 until something changed', async () => {
    await inWorld({ work: '10s' }, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app));
      const first = await app.fetch(monitor);
      const etag = String(first.headers.get('etag'));
      expect(etag).toMatch(/^"[^"]+"$/);
      for (const field of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const again = await app.fetch(monitor, { headers: { 'if-none-match': field } });
        expect([again.status, again.headers.get('etag'), again.headers.get('retry-after'), await again.text()]).toEqual([
          304,
          etag,
          '1',
          '',
        ]);
      }
      await clock.sleep(1000);
      const moved = await app.fetch(monitor, { headers: { 'if-none-match': etag } });
      expect(moved.status).toBe(200);
      expect(moved.headers.get('etag')).not.toBe(etag);
    });
  });

  test('find a new tag after every change of what is told', async () => {
    await inWorld({ work: '10s' }, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app));
      const told = new Map<string, string>();
      for (let look = 0; look < 30; look++, await clock.sleep(400)) {
        const response = await app.fetch(monitor);
        const etag = String(response.headers.get('etag'));
        const text = await response.text();
        expect(told.get(etag) ?? text).toBe(text);
        told.set(etag, text);
      }
      expect(told.size).toBe(12);
    });
  });
});

describe('DELETE', () => {
  const cancelAfter = async (world: World, ms: number): Promise<[Response, string]> => {
    const monitor = monitorOf(await post(world.app, { work: '10s' }));
    await world.clock.sleep(ms);
    return [await world.app.fetch(monitor, { method: 'DELETE' }), monitor];
  };

  test.each([
    ['a queued operation', 500],
    ['a running operation', 5500],
  ])('cancels %s for good', async (_what, ms) => {
    await inWorld({}, async (world) => {
      const [response, monitor] = await cancelAfter(world, ms);
      expect(response.status).toBe(200);
      const told = await bodyOf(response);
      expect(told).toMatchObject({ status: 'cancelled', endedAt: expect.any(String) });
      await world.clock.sleep(20_000);
      expect(await bodyOf(await world.app.fetch(monitor))).toEqual(told);
      expect(await bodyOf(await world.app.fetch('/reports'))).toEqual({ reports: [] });

      const again = await world.app.fetch(monitor, { method: 'DELETE' });
      expect([again.status, await bodyOf(again)]).toEqual([200, told]);
    });
  });

  test('frees the worker at once', async () => {
    await inWorld({ workers: 1 }, async (world) => {
      await cancelAfter(world, 1500);
      const next = monitorOf(await post(world.app, { work: '1s' }));
      await world.clock.sleep(1001);
      expect(await bodyOf(await world.app.fetch(next))).toMatchObject({ status: 'succeeded' });
    });
  });

  test.each([
    ['succeeded', 'sales'],
    ['failed', 'none'],
  ])('of an operation that %s is a conflict and changes nothing', async (status, template) => {
    await inWorld({}, async (world) => {
      const monitor = monitorOf(await post(world.app, { template }));
      const before = await toItsEnd(world, monitor);
      expect(before).toMatchObject({ status });
      const response = await world.app.fetch(monitor, { method: 'DELETE' });
      expect([response.status, response.headers.get('content-type')]).toEqual([409, 'application/problem+json']);
      expect(await bodyOf(response)).toMatchObject({
        type: '/problems/already-ended',
        status: 409,
        detail: `it has ${status} and stays so`,
      });
      expect(await bodyOf(await world.app.fetch(monitor))).toEqual(before);
    });
  });
});

describe('a client that hangs up during a synchronous order', () => {
  test('gets its own reason, and nothing is kept', async () => {
    await inWorld({ work: '10s' }, async ({ app, clock }) => {
      const client = new AbortController();
      const answer = app.fetch('/reports?mode=sync', { method: 'POST', signal: client.signal });
      await clock.sleep(1000);
      client.abort(new Error('gone home'));
      await expect(answer).rejects.toThrow('gone home');
      await clock.sleep(20_000);
      expect(await bodyOf(await app.fetch('/reports'))).toEqual({ reports: [] });
      await expect(app.fetch('/', { signal: client.signal })).rejects.toThrow('gone home');
    });
  });

  test('is told so when it is the server that leaves', async () => {
    const { app, clock } = worldOf({ work: '10s' });
    const answer = post(app.start(), {}, '?mode=sync');
    await clock.advance(1000);
    await app.close();
    expect((await answer).status).toBe(503);
    expect((await app.fetch('/reports')).status).toBe(503);
    expect((await post(app)).status).toBe(503);
  });
});

describe('two runs with one seed', () => {
  const run = (seedless: boolean): Promise<string[]> =>
    inWorld(seedless ? { work: '5s' } : { work: '4s' }, async ({ app, clock }) => {
      const told: string[] = [];
      const say = async (response: Response): Promise<void> => {
        told.push(JSON.stringify([clock.now(), response.status, [...response.headers], await response.text()]));
      };
      const monitors = ['a', 'b', 'c'].map(async (title, i) => {
        await clock.sleep(i * 300);
        const accepted = await post(app, { title, template: i === 2 ? 'none' : 'sales' });
        await say(accepted.clone());
        for (let look = 0; look < 10; look++) {
          await clock.sleep(777);
          await say(await app.fetch(monitorOf(accepted)));
        }
      });
      await Promise.all(monitors);
      await say(await post(app, { rows: 2 }, '?mode=sync'));
      await say(await app.fetch('/reports'));
      return told;
    });

  test('say the same, byte for byte', async () => {
    const first = await run(false);
    expect(first).toHaveLength(35);
    expect(await run(false)).toEqual(first);
    expect(await run(true)).not.toEqual(first);
  });
});

describe('the handler', () => {
  test('tells its routes at the root', async () => {
    const { app } = worldOf();
    const response = await app.fetch('/');
    expect(response.status).toBe(200);
    expect(Object.keys((await bodyOf(response))['routes'] as object)).toContain('POST /reports?mode=sync');
    await app.close();
  });

  test('answers HEAD as GET without the body, and OPTIONS with the methods', async () => {
    const { app } = worldOf();
    const [get, head] = [await app.fetch('/reports'), await app.fetch('/reports', { method: 'HEAD' })];
    expect([head.status, [...head.headers], await head.text()]).toEqual([200, [...get.headers], '']);
    const options = await app.fetch('/operations/x', { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'DELETE, GET, HEAD, OPTIONS']);
    await app.close();
  });

  test('says where an answer came from, as fetch does', async () => {
    const { app } = worldOf();
    expect((await app.fetch('/reports')).url).toBe('http://demo.test/reports');
    expect((await app.fetch(new URL('http://elsewhere.test/reports?x=1'))).url).toBe('http://elsewhere.test/reports?x=1');
    await app.close();
  });

  test('tells faults of its own to onError, and a client that it failed', async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const { app } = worldOf({
      onError,
      bugs: [
        {
          name: 'x',
          family: 'result',
          story: '',
          plant: () => ({
            tell: () => {
              throw new Error('secret');
            },
          }),
        },
      ],
    });
    const response = await post(app);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('secret'));
    await app.close();
  });

  test('whose store is away asks to be asked again', async () => {
    const faults: unknown[] = [];
    const away: Bug = {
      name: 'away',
      family: 'result',
      story: '',
      plant: ({ db }) => ({ db: { ...db, single: () => Promise.reject(new DbAway('cut')) } }),
    };
    await inWorld({ bugs: [away], onError: (error) => faults.push(error) }, async (world) => {
      const answer = await world.app.fetch('/events');
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
      expect(await bodyOf(answer)).toMatchObject({ type: '/problems/store-away' });
      expect(faults).toContainEqual(new DbAway('cut'));
    });
  });

  test('refuses orders beyond the bound of what may wait', async () => {
    let size = 9_999;
    const queue: Queue = {
      busy: 0,
      get size() {
        return size;
      },
      deliver: () => void size++,
      idle: () => undefined,
      start: () => undefined,
      stop: async () => undefined,
    };
    await inWorld({ work: '1h', queue: () => queue }, async ({ app }) => {
      expect((await post(app)).status).toBe(202);
      const refused = await post(app);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
      expect(await bodyOf(refused)).toMatchObject({ type: '/problems/busy' });
    });
  });
});

describe('the worker', () => {
  test('tries a job again when the store failed in its middle, and does it once', async () => {
    const faults: unknown[] = [];
    let broken = 3;
    const flaky = {
      name: 'flaky-store',
      family: 'result',
      story: '',
      plant: ({ store }: { store: import('../../../src/demo/index.ts').Store }) => ({
        store: {
          ...store,
          advance: async (...args: Parameters<typeof store.advance>) => {
            const [, , step] = args;
            if (step === 5 && broken-- > 0) throw new Error('disk on fire');
            return store.advance(...args);
          },
        },
      }),
    } as const;
    await inWorld({ work: '10s', bugs: [flaky], onError: (error) => faults.push(error) }, async (world) => {
      const told = await toItsEnd(world, monitorOf(await post(world.app)));
      expect(told).toMatchObject({ status: 'succeeded' });
      expect((await bodyOf(await world.app.fetch('/reports')))['reports']).toHaveLength(1);
      expect(faults).toEqual([new Error('disk on fire'), new Error('disk on fire'), new Error('disk on fire')]);
    });
  });
});

test('what an operation is told as depends on what is asked for, known or not', () =>
  inWorld({}, async (world) => {
    const monitor = monitorOf(await post(world.app));
    await toItsEnd(world, monitor);
    const told = await world.app.fetch(monitor);
    const again = await world.app.fetch(monitor, { headers: { 'if-none-match': told.headers.get('etag') ?? '' } });
    expect([told, again].map(({ status, headers }) => [status, headers.get('vary')])).toEqual([
      [200, 'Accept'],
      [304, 'Accept'],
    ]);
  }));

test('an operation is told for a day after its end, then it is gone, and its report stays', () =>
  inWorld({}, async (world) => {
    const monitor = monitorOf(await post(world.app));
    const { resultUrl } = await toItsEnd(world, monitor);
    await world.clock.sleep(86_398_000);
    expect((await world.app.fetch(monitor)).status).toBe(200);
    await world.clock.sleep(2000);
    const gone = await world.app.fetch(monitor);
    expect([gone.status, (await bodyOf(gone))['type']]).toEqual([410, '/problems/expired']);
    expect((await world.app.fetch(String(resultUrl))).status).toBe(200);
  }));

test('what a user orders is theirs: the operation, its report, and its place in the list; what a guest orders is everybody’s', () =>
  inWorld({}, async (world) => {
    const [ann, eve] = [await logIn(world, 'ann'), await logIn(world, 'eve')];
    const monitor = monitorOf(await ann('POST', '/reports', { title: 'secret' }));
    const guests = monitorOf(await post(world.app, { title: 'open' }));
    await ann('POST', '/reports?mode=sync', { title: 'secret too', work: 1 });
    await world.clock.sleep(10_000);
    const { resultUrl } = await bodyOf(await ann('GET', monitor));
    for (const other of [eve, (method: string, path: string) => world.app.fetch(path, { method })]) {
      for (const path of [monitor, String(resultUrl)]) expect((await other('GET', path)).status).toBe(404);
      expect((await other('DELETE', monitor)).status).toBe(404);
      expect((await bodyOf(await other('GET', '/reports')))['reports']).toMatchObject([{ title: 'open' }]);
      expect((await other('GET', guests)).status).toBe(200);
    }
    expect((await ann('GET', String(resultUrl))).status).toBe(200);
    expect((await bodyOf(await ann('GET', '/reports')))['reports']).toHaveLength(3);
  }));
