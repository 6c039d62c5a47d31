import { describe, expect, test } from 'vitest';
import { record, type Happening } from '../../../src/demo/events.ts';
import { demoApp, type Bug } from '../../../src/demo/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, post, STREAM, StreamReader, type Body, type Send, type World } from './world.ts';

/** A part of the server that this test replaces. */
const planted = (plant: Bug['plant']): Bug => ({ name: 'planted', family: 'streams', story: 'for a test', plant });
const asAnn = (body: (ann: Send, world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => body(await logIn(world, 'ann'), world));
const pay = (send: Send, amount = 100): Promise<Response> =>
  send('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount });
const eventsOf = async (response: Response): Promise<Body[]> => (await bodyOf(response))['events'] as Body[];
const typesOf = (events: readonly Body[]): string[] => events.map(({ type }) => String(type));

describe('GET /events', () => {
  test('tells what happened to a caller, oldest first, with where to go on', () =>
    asAnn(async (ann) => {
      await pay(ann);
      const told = await ann('GET', '/events');
      expect([told.status, told.headers.get('link'), told.headers.get('vary')]).toEqual([200, null, 'Accept']);
      const { events, next } = await bodyOf(told);
      expect(typesOf(events as Body[])).toEqual(['account.opened', 'account.opened', 'account.debited', 'account.credited']);
      expect((events as Body[])[2]).toEqual({
        n: 7,
        id: 'evt_00000007',
        type: 'account.debited',
        subject: '/accounts/acc_ann_current',
        at: '2024-01-01T00:00:00.000Z',
        data: { amount: 100, transfer: expect.stringMatching(/^\/transfers\/trf_/) },
      });
      expect(next).toBe(9);
      expect(await bodyOf(await ann('GET', '/events?from=9'))).toEqual({ events: [], next: 9 });
    }));

  test('is read page by page, with a link while there is more', () =>
    asAnn(async (ann) => {
      for (let i = 0; i < 3; i++) await pay(ann);
      const all = await eventsOf(await ann('GET', '/events'));
      const read: Body[] = [];
      let path: string | undefined = '/events?limit=3';
      while (path !== undefined) {
        const page = await ann('GET', path);
        read.push(...(await eventsOf(page)));
        path = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      expect(read).toEqual(all);
      expect(all).toHaveLength(8);
    }));

  test('begins with an event, a number, a moment in whichever time zone, or now', () =>
    asAnn(async (ann, { clock }) => {
      await pay(ann);
      await clock.sleep(1_800_000);
      await pay(ann);
      const placesFrom = async (from: string): Promise<unknown> =>
        (await eventsOf(await ann('GET', `/events?from=${encodeURIComponent(from)}`))).map(({ n }) => n as number);
      expect(await placesFrom('8')).toEqual([8, 9, 10]);
      expect(await placesFrom('evt_00000008')).toEqual([8, 9, 10]);
      expect(await placesFrom('2024-01-01T00:30:00Z')).toEqual([9, 10]);
      expect(await placesFrom('2024-01-01T00:30:00.000+00:00')).toEqual([9, 10]);
      expect(await placesFrom('2024-01-01T02:00:00+01:30')).toEqual([9, 10]);
      expect(await placesFrom('2023-12-31T22:30:00-01:30')).toEqual([7, 8, 9, 10]);
      expect(await placesFrom('now')).toEqual([]);
      // In a query an unescaped + is a space.
      expect(await eventsOf(await ann('GET', '/events?from=2024-01-01T02:00:00+01:30'))).toHaveLength(2);
    }));

  test('can be narrowed to types and a subject', () =>
    asAnn(async (ann) => {
      await pay(ann);
      expect(await eventsOf(await ann('GET', '/events?type=account.debited'))).toHaveLength(1);
      expect(await eventsOf(await ann('GET', '/events?type=account.debited&type=account.credited'))).toHaveLength(2);
      expect(await eventsOf(await ann('GET', '/events?subject=/accounts/acc_ann_current'))).toHaveLength(2);
      expect(await eventsOf(await ann('GET', '/events?subject=/accounts/acc_bob_current'))).toEqual([]);
    }));

  test('tells nobody what is not theirs', () =>
    asAnn(async (ann, world) => {
      await pay(ann);
      await post(world.app);
      const bob = await logIn(world, 'bob');
      expect(new Set((await eventsOf(await bob('GET', '/events'))).map(({ subject }) => String(subject)))).toEqual(
        new Set(['/accounts/acc_bob_current', '/accounts/acc_bob_savings', expect.stringMatching(/^\/operations\//)]),
      );
      expect(typesOf(await eventsOf(await world.app.fetch('/events')))).toEqual(['operation.accepted']);
    }));

  test.each([
    ['from=0', /from 1 to 7, received "0"/],
    ['from=8', /from 1 to 7/],
    ['from=evt_00000009', /from 1 to 7/],
    ['from=yesterday', /received "yesterday"/],
    ['from=2024-01-01T00:00:00', /received/],
    ['from=2024-13-01T00:00:00Z', /received/],
    ['from=2124-01-01T00:00:00Z', /that has been/],
    ['limit=0', /1 to 1000, received "0"/],
    ['limit=1001', /1 to 1000/],
    ['from=1&from=2', /from is given 2 times/],
    ['form=1', /no parameter "form"/],
    [`subject=${'x'.repeat(201)}`, /at most 200/],
    ['type=a&'.repeat(21), /at most 20, received 21/],
  ])('refuses %s', (query, detail) =>
    asAnn(async (ann) => {
      const refused = await ann('GET', `/events?${query}`);
      expect(refused.status).toBe(400);
      expect((await bodyOf(refused))['detail']).toMatch(detail);
    }),
  );
});

describe('GET /events as a stream', () => {
  test('tells what was, then what comes, each once and in order', () =>
    asAnn(async (ann, { clock }) => {
      await pay(ann);
      const response = await ann('GET', '/events', undefined, STREAM);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
      const stream = new StreamReader(response);
      expect((await stream.take(4)).map(({ id }) => id)).toEqual([
        'evt_00000001',
        'evt_00000002',
        'evt_00000007',
        'evt_00000008',
      ]);
      const coming = stream.take(4);
      // One while it waits, and one while it reads.
      await clock.sleep(1000);
      await Promise.all([pay(ann), pay(ann)]);
      const live = await coming;
      expect(live.map(({ id }) => id)).toEqual(['evt_00000009', 'evt_00000010', 'evt_00000011', 'evt_00000012']);
      expect(live[0]).toMatchObject({ event: 'account.debited', data: { n: 9, type: 'account.debited', data: { amount: 100 } } });
      await stream.close();
    }));

  test('goes on behind the event that a client has', () =>
    asAnn(async (ann) => {
      await pay(ann);
      await pay(ann);
      const resumed = await ann('GET', '/events?from=1', undefined, { ...STREAM, 'last-event-id': 'evt_00000008' });
      const stream = new StreamReader(resumed);
      expect((await stream.take(2)).map(({ id }) => id)).toEqual(['evt_00000009', 'evt_00000010']);
      await stream.close();
    }));

  test.each(['7', 'evt_99999999', 'evt_1'])('refuses Last-Event-ID: %s', (id) =>
    asAnn(async (ann) => {
      const refused = await ann('GET', '/events', undefined, { ...STREAM, 'last-event-id': id });
      expect([refused.status, (await bodyOf(refused))['detail']]).toEqual([400, expect.stringContaining(id)]);
    }),
  );

  test('says every 15 seconds that it is alive, and how soon to come back', () =>
    asAnn(async (ann, { clock }) => {
      const response = await ann('GET', '/events?from=now', undefined, STREAM);
      const reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
      const told = async (): Promise<string> => Buffer.from((await reader.read()).value ?? []).toString();
      expect(await told()).toBe('retry: 2000\n\n');
      expect([await told(), clock.now()]).toEqual([': still here\n\n', 15_000]);
      expect([await told(), clock.now()]).toEqual([': still here\n\n', 30_000]);
      const next = told();
      await clock.sleep(5_000);
      await pay(ann);
      expect([(await next).split('\n')[0], clock.now()]).toEqual(['id: evt_00000007', 35_000]);
      expect(await told()).toMatch(/^id: evt_00000008\nevent: account.credited\ndata: \{.+\}\n\n$/);
      expect([await told(), clock.now()]).toEqual([': still here\n\n', 50_000]);
      await reader.cancel();
    }));

  test('is not kept awake by what others do', () =>
    asAnn(async (ann, world) => {
      const stream = new StreamReader(await ann('GET', '/events?from=now', undefined, STREAM));
      const next = stream.next();
      const bob = await logIn(world, 'bob');
      await bob('POST', '/transfers', { from: 'acc_bob_current', to: 'acc_bob_savings', amount: 1 });
      expect([await next, world.clock.now()]).toEqual([{ comment: 'still here' }, 15_000]);
      await stream.close();
    }));

  test('keeps what a slow reader has not taken in the log, however much it is', () =>
    asAnn(async (ann) => {
      const stream = new StreamReader(await ann('GET', '/events?type=account.debited', undefined, STREAM));
      for (let i = 0; i < 250; i++) await pay(ann, 1);
      const places = (await stream.take(250)).map(({ data }) => Number(data?.['n']));
      expect(places).toEqual(Array.from({ length: 250 }, (_, i) => 7 + 2 * i));
      await stream.close();
    }));

  test('misses nothing that is written between reading and waiting', () => {
    let toWrite: Happening | undefined;
    const between = planted(({ db, clock, eventsFrom }) => ({
      *eventsFrom(...wanted) {
        const page = yield* eventsFrom(...wanted);
        const happening = toWrite;
        toWrite = undefined;
        if (happening !== undefined) void db.transact(() => record(happening, clock.wall()));
        return page;
      },
    }));
    return inWorld({ bugs: [between] }, async ({ app, clock }) => {
      const stream = new StreamReader(await app.fetch('/events', { headers: STREAM }));
      toWrite = { type: 'account.opened', subject: '/accounts/x', owner: '', data: {} };
      expect(await stream.take(1)).toMatchObject([{ id: 'evt_00000007' }]);
      expect(clock.now()).toBe(0);
      await stream.close();
    });
  });

  test('breaks where the log cannot be read, and the fault is told', async () => {
    const faults: unknown[] = [];
    const broken = planted(() => ({
      // oxlint-disable-next-line require-yield
      *eventsFrom() {
        throw new Error('the disk is gone');
      },
    }));
    await inWorld({ bugs: [broken], onError: (error) => void faults.push(error) }, async ({ app }) => {
      const stream = new StreamReader(await app.fetch('/events', { headers: STREAM }));
      await expect(stream.next()).rejects.toThrow('the disk is gone');
    });
    expect(faults).toEqual([new Error('the disk is gone')]);
  });

  test('ends when the server goes down', async () => {
    const clock = virtualClock();
    const app = demoApp({ clock }).start();
    await clock.run(async () => {
      const stream = new StreamReader(await app.fetch('/events', { headers: STREAM }));
      const next = stream.next();
      await clock.sleep(1000);
      await app.close();
      expect(await next).toBeUndefined();
    });
    expect(clock.pending.count).toBe(0);
  });

  test('leaves nothing behind when the client goes', async () => {
    const faults: unknown[] = [];
    await inWorld({ onError: (error) => void faults.push(error) }, async (world) => {
      const { clock } = world;
      const ann = await logIn(world, 'ann');
      const gone = new AbortController();
      const stream = new StreamReader(await ann('GET', '/events?from=now', undefined, STREAM, gone.signal));
      const next = stream.next();
      await clock.sleep(1);
      gone.abort();
      expect(await next).toBeUndefined();
      const other = new StreamReader(await ann('GET', '/events?from=now', undefined, STREAM));
      const waiting = other.next();
      await clock.sleep(1);
      await other.close();
      expect(await waiting).toBeUndefined();
      expect(clock.pending.count).toBe(0);
    });
    expect(faults).toEqual([]);
  });

  test('ends with the token', () =>
    asAnn(async (ann, { clock }) => {
      const stream = new StreamReader(await ann('GET', '/events?from=now', undefined, STREAM));
      expect(await stream.toItsEnd(clock, 7_200_000)).toEqual([]);
      expect([clock.now(), clock.pending.count]).toEqual([3_600_000, 0]);
    }));

  test('refuses more than a thousand at a time', () =>
    asAnn(async (ann) => {
      const streams: StreamReader[] = [];
      for (let i = 0; i < 1000; i++) {
        const stream = new StreamReader(await ann('GET', '/events', undefined, STREAM));
        await stream.take(1);
        streams.push(stream);
      }
      const refused = await ann('GET', '/events', undefined, STREAM);
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5']);
      await Promise.all(streams.map((stream) => stream.close()));
      const stream = new StreamReader(await ann('GET', '/events', undefined, STREAM));
      expect(await stream.take(1)).toHaveLength(1);
      await stream.close();
    }));

  test('is asked for by its name alone', () =>
    asAnn(async (ann) => {
      for (const accept of ['*/*', 'text/*', 'application/json', 'text/event-stream;q=0'])
        expect((await ann('GET', '/events', undefined, { accept })).headers.get('content-type')).toBe('application/json');
      const head = await ann('HEAD', '/events', undefined, { accept: 'text/html, Text/Event-Stream;q=0.5' });
      expect([head.headers.get('content-type'), head.body]).toEqual(['text/event-stream', null]);
    }));
});

describe('GET /operations/{id} as a stream', () => {
  const watched = async (send: World['app']['fetch'], monitor: string): Promise<StreamReader> =>
    new StreamReader(await send(monitor, { headers: STREAM }));

  test('tells each change as the poll would, and ends after the last', () =>
    inWorld({}, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app, { rows: 20 }));
      const told = await (await watched(app.fetch, monitor)).toItsEnd(clock, 60_000);
      expect(told.map(({ data }) => `${data?.['status']} ${data?.['progress']}`)).toEqual([
        'queued 0',
        ...Array.from({ length: 10 }, (_, step) => `running ${step * 10}`),
        'succeeded 100',
      ]);
      expect(new Set(told.map(({ event }) => event))).toEqual(new Set(['operation']));
      expect(told.at(-1)?.data).toEqual(await bodyOf(await app.fetch(monitor)));
    }));

  test('tells a client that comes back only what it has not been told', () =>
    inWorld({}, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app));
      const stream = await watched(app.fetch, monitor);
      const [, second] = await stream.take(2);
      await stream.close();
      const headers = { ...STREAM, 'last-event-id': String(second?.id) };
      const rest = await new StreamReader(await app.fetch(monitor, { headers })).toItsEnd(clock, 60_000);
      expect(rest.map(({ data }) => Number(data?.['progress']))).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
      const known = await app.fetch(monitor, { headers: { ...STREAM, 'last-event-id': String(rest.at(-1)?.id) } });
      expect(known.status).toBe(204);
    }));

  test('tells a failure and an end by cancelling', () =>
    inWorld({}, async ({ app, clock }) => {
      const failing = await watched(app.fetch, monitorOf(await post(app, { template: 'none' })));
      const failed = (await failing.toItsEnd(clock, 60_000)).at(-1)?.data;
      expect(failed).toMatchObject({ status: 'failed', error: { status: 422 } });
      expect(failed).not.toHaveProperty('partial');
      const monitor = monitorOf(await post(app));
      const cancelled = (await watched(app.fetch, monitor)).toItsEnd(clock, 60_000);
      await clock.sleep(500);
      await app.fetch(monitor, { method: 'DELETE' });
      expect((await cancelled).at(-1)?.data).toMatchObject({ status: 'cancelled' });
    }));

  test('is refused as the poll is', () =>
    inWorld({ retention: '1m' }, async (world) => {
      const [ann, bob] = [await logIn(world, 'ann'), await logIn(world, 'bob')];
      const monitor = monitorOf(await ann('POST', '/reports', {}));
      expect((await bob('GET', monitor, undefined, STREAM)).status).toBe(404);
      expect((await bob('GET', '/operations/none', undefined, STREAM)).status).toBe(404);
      await world.clock.sleep(120_000);
      expect((await ann('GET', monitor, undefined, STREAM)).status).toBe(410);
    }));
});

describe('a report that is being written', () => {
  test('tells its first lines and what they come to, and in the end the whole', () =>
    inWorld({}, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app, { rows: 250, title: 'Long' }));
      const stream = new StreamReader(await app.fetch(monitor, { headers: STREAM }));
      const told = (await stream.toItsEnd(clock, 60_000)).map(({ data }) => data!);
      const report = told.at(-1)?.['result'] as { lines: { net: number }[]; rows: number };
      const partials = told.slice(1, -1).map(({ partial }) => partial as { rows: number; net: number; lines: unknown[] });
      expect(partials.map(({ rows }) => rows)).toEqual([0, 25, 50, 75, 100, 125, 150, 175, 200, 225]);
      for (const { rows, net, lines } of partials) {
        const first = report.lines.slice(0, rows);
        expect(net).toBe(first.reduce((sum, line) => sum + line.net, 0));
        expect(lines).toEqual(first.slice(0, 20));
      }
      expect([told[0], told.at(-1)].some((body) => 'partial' in body!)).toBe(false);
      expect(report).toEqual(await bodyOf(await post(app, { rows: 250, title: 'Long' }, '?mode=sync')));
    }));

  test('is told by the poll alike, and not by the collection', () =>
    inWorld({ work: '10s' }, async ({ app, clock }) => {
      const monitor = monitorOf(await post(app));
      await clock.sleep(5_500);
      expect(await bodyOf(await app.fetch(monitor))).toMatchObject({ progress: 40, partial: { rows: 4 } });
      const [listed] = (await bodyOf(await app.fetch('/operations')))['operations'] as Body[];
      expect(listed).not.toHaveProperty('partial');
    }));
});
