import { describe, expect, test } from 'vitest';
import { demoApp, sqliteStore, type DemoApp, type Store } from '../../../src/demo/index.ts';
import { eventsFrom, type LoggedEvent } from '../../../src/demo/events.ts';
import { seeded, virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, toItsEnd, type Body, type Send, type World } from './world.ts';

const customer = (i: number): object => ({ name: `Customer ${i}`, email: `c${i}@example.test` });
const customers = (count: number): object[] => Array.from({ length: count }, (_, i) => customer(i));

const asAnn = (body: (ann: Send, world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => body(await logIn(world, 'ann'), world));

const importAll = async (ann: Send, world: World, items: readonly unknown[], query = ''): Promise<Body> => {
  const accepted = await ann('POST', `/imports${query}`, { items });
  expect(accepted.status).toBe(202);
  return toItsEnd(world, monitorOf(accepted), 100, ann);
};

const namesOf = async (ann: Send): Promise<string[]> =>
  ((await bodyOf(await ann('GET', '/customers')))['customers'] as Body[]).map(({ name }) => String(name)).toReversed();

const madeIn = async (store: Store): Promise<readonly LoggedEvent[]> =>
  (await store.db.single(() => eventsFrom(1, 'ann', 10_000))).filter(({ type }) => type === 'customer.created');

/** What is told of items when a few are invalid, and a few are there already or twice. */
const MIXED = [
  customer(0),
  { name: '', email: 'x', age: 3 },
  { name: 'Ada', email: 'ADA@example.test' },
  customer(1),
  null,
  { name: 'Again', email: 'c0@example.test' },
  customer(2),
];

describe('an import', () => {
  test('keeps customers as POST /customers does, and tells of each what came of it', () =>
    asAnn(async (ann, world) => {
      const ada = monitorOf(await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' }));
      const { status, progress, result } = await importAll(ann, world, MIXED);
      expect([status, progress]).toEqual(['succeeded', 100]);
      const url = expect.stringMatching(/^\/customers\/cus_[0-9a-f]{16}$/);
      expect(result).toEqual({
        total: 7,
        created: 3,
        duplicate: 2,
        invalid: 2,
        results: [
          { index: 0, status: 'created', url },
          { index: 1, status: 'invalid', error: { detail: expect.any(String), errors: expect.any(Array) } },
          { index: 2, status: 'duplicate', url: ada },
          { index: 3, status: 'created', url },
          { index: 4, status: 'invalid', error: { detail: expect.any(String), errors: expect.any(Array) } },
          { index: 5, status: 'duplicate', url: result.results[0].url },
          { index: 6, status: 'created', url },
        ],
      });
      const pointers = (index: number): string[] => result.results[index].error.errors.map((one: Body) => one['pointer']);
      expect([pointers(1), pointers(4)]).toEqual([['#/items/1/age', '#/items/1/name', '#/items/1/email'], ['#/items/4']]);
      expect(await namesOf(ann)).toEqual(['Ada', 'Customer 0', 'Customer 1', 'Customer 2']);
      const made = await ann('GET', result.results[3].url as string);
      expect([made.headers.get('etag'), await bodyOf(made)]).toMatchObject([
        '"1"',
        { name: 'Customer 1', email: 'c1@example.test' },
      ]);
    }));

  test('takes five hundred, and tells how far it is', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/imports', { items: customers(500) }));
      const seen: [number, number][] = [];
      for (let look = 0; look < 30; look++) {
        await world.clock.sleep(50);
        const told = await bodyOf(await ann('GET', monitor));
        if (told['status'] !== 'running') continue;
        seen.push([Number(told['progress']), Number(told['partial']?.created ?? 0)]);
        expect(told['partial']?.results?.length ?? 0).toBe(seen.at(-1)![1]);
      }
      expect(new Set(seen.map((pair) => pair.join()))).toEqual(
        new Set(Array.from({ length: 10 }, (_, step) => `${step * 10},${step * 50}`)),
      );
      const { status, result, ...told } = await toItsEnd(world, monitor, 10, ann);
      expect([status, result.total, result.created, 'partial' in told]).toEqual(['succeeded', 500, 500, false]);
      expect(result.results.map(({ index }: Body) => index)).toEqual(Array.from({ length: 500 }, (_, i) => i));
      expect(new Set(result.results.map(({ url }: Body) => url)).size).toBe(500);
    }));

  test('changes its entity tag with every item', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/imports', { items: customers(20) }));
      const seen = new Map<string, Body>();
      for (let look = 0; look < 30; look++) {
        await world.clock.sleep(60);
        const answer = await ann('GET', monitor);
        const etag = String(answer.headers.get('etag'));
        const told = await bodyOf(answer);
        expect(seen.get(etag) ?? told).toEqual(told);
        seen.set(etag, told);
      }
      expect(seen.size).toBeGreaterThan(10);
    }));

  test('that is cancelled keeps what was imported, and says so', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/imports', { items: customers(100) }));
      await world.clock.sleep(800);
      const cancelled = await bodyOf(await ann('DELETE', monitor));
      expect(cancelled).toMatchObject({ status: 'cancelled', partial: { total: 100, created: 40, duplicate: 0, invalid: 0 } });
      await world.clock.sleep(10_000);
      expect(await bodyOf(await ann('GET', monitor))).toEqual(cancelled);
      const kept = await namesOf(ann);
      expect(kept).toEqual(Array.from({ length: 40 }, (_, i) => `Customer ${i}`));
      expect(cancelled['partial'].results).toHaveLength(40);
    }));

  test('is listed without what came of its items', () =>
    asAnn(async (ann, world) => {
      await importAll(ann, world, customers(2));
      const running = monitorOf(await ann('POST', '/imports', { items: customers(2) }));
      await world.clock.sleep(1000);
      expect(await bodyOf(await ann('GET', running))).toHaveProperty('partial');
      for (const told of (await bodyOf(await ann('GET', '/operations')))['operations'] as Body[]) {
        expect(Object.keys(told)).toEqual(expect.not.arrayContaining(['result', 'partial']));
      }
    }));

  test('is done once for one key, and not for the same items in another mode', () =>
    asAnn(async (ann, world) => {
      const key = { 'idempotency-key': '"1"' };
      const first = monitorOf(await ann('POST', '/imports', { items: customers(3) }, key));
      const again = await ann('POST', '/imports', { items: customers(3) }, key);
      expect([again.headers.get('idempotency-replayed'), monitorOf(again)]).toEqual(['true', first]);
      expect((await ann('POST', '/imports?atomic=true', { items: customers(3) }, key)).status).toBe(422);
      expect(await toItsEnd(world, first, 10, ann)).toMatchObject({ result: { created: 3, duplicate: 0 } });
    }));

  test.each<[string, string, unknown, number, string]>([
    ['no items', '', {}, 422, 'invalid-import'],
    ['an empty list', '', { items: [] }, 422, 'invalid-import'],
    ['501 items', '', { items: Array.from({ length: 501 }, () => 0) }, 422, 'invalid-import'],
    ['something else', '', { items: [0], atomic: true }, 422, 'invalid-import'],
    ['a strange mode', '?atomic=yes', { items: [0] }, 400, 'invalid-query'],
    ['two modes', '?atomic=true&atomic=true', { items: [0] }, 400, 'invalid-query'],
    ['too much', '', { items: ['x'.repeat(70_000)] }, 413, 'too-large'],
  ])('of %s is refused', (_, query, body, status, kind) =>
    asAnn(async (ann) => {
      const refused = await ann('POST', `/imports${query}`, body);
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([status, `/problems/${kind}`]);
      expect((await bodyOf(await ann('GET', '/operations')))['operations']).toEqual([]);
    }),
  );

  test('is for users', () =>
    inWorld({}, async ({ app }) => {
      const body = JSON.stringify({ items: customers(1) });
      const refused = await app.fetch('/imports', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      expect(refused.status).toBe(401);
    }));

  test('tells ten faults of one item at most', () =>
    asAnn(async (ann, world) => {
      const item = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`m${i}`, 0]));
      const { result } = await importAll(ann, world, [item]);
      expect(result.results[0].error.errors).toHaveLength(10);
    }));
});

describe('an atomic import', () => {
  test('keeps all', () =>
    asAnn(async (ann, world) => {
      const { status, result } = await importAll(ann, world, customers(25), '?atomic=true');
      expect([status, result.total, result.created, result.results.length]).toEqual(['succeeded', 25, 25, 25]);
      expect(await namesOf(ann)).toHaveLength(25);
      expect((await ann('GET', result.results[24].url as string)).status).toBe(200);
    }));

  test('keeps nothing when one item cannot be kept, and tells of all that cannot', () =>
    asAnn(async (ann, world) => {
      const ada = monitorOf(await ann('POST', '/customers', { name: 'Ada', email: 'ada@example.test' }));
      const told = await importAll(ann, world, MIXED, '?atomic=true');
      expect(told).toMatchObject({ status: 'failed', error: { type: '/problems/import-refused' } });
      expect(told).not.toHaveProperty('partial');
      expect(told['error'].errors.map(({ pointer }: Body) => pointer)).toEqual([
        '#/items/1/age',
        '#/items/1/name',
        '#/items/1/email',
        '#/items/2/email',
        '#/items/4',
        '#/items/5/email',
      ]);
      expect(told['error'].errors[3].detail).toBe(`${ada} has this address`);
      expect(await namesOf(ann)).toEqual(['Ada']);
    }));

  test('keeps nothing before its end, and nothing when it is cancelled', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/imports?atomic=true', { items: customers(10) }));
      await world.clock.sleep(1400);
      expect(await bodyOf(await ann('GET', monitor))).toMatchObject({ status: 'running', progress: 90 });
      expect(await namesOf(ann)).toEqual([]);
      await ann('DELETE', monitor);
      await world.clock.sleep(10_000);
      expect(await namesOf(ann)).toEqual([]);
    }));
});

describe('a worker that dies', () => {
  interface Running {
    readonly app: DemoApp;
    readonly clock: VirtualClock;
    readonly ann: Send;
    readonly isDead: () => boolean;
  }

  /** A server whose worker dies in its nth transaction for an import: before it is kept, or after. */
  const start = async (
    clock: VirtualClock,
    store: Store,
    dies?: { readonly nth: number; readonly kept: boolean },
  ): Promise<Running> => {
    let count = 0;
    const isDead = (): boolean => count >= (dies?.nth ?? Number.POSITIVE_INFINITY);
    const die = async <T>(transaction: () => Promise<T>): Promise<T> => {
      count++;
      if (!isDead()) return transaction();
      if (count === dies?.nth && dies.kept) await transaction();
      throw new Error('died');
    };
    const mortal: Store = {
      ...store,
      advance: (...args) => die(() => store.advance(...args)),
      finish: (...args) => die(() => store.finish(...args)),
    };
    const app = demoApp({ clock, store: mortal, random: seeded(7), onError: () => {} }).start();
    return { app, clock, ann: await logIn({ app }, 'ann'), isDead };
  };

  /** One for each item, nine for the steps, and the end. */
  const TRANSACTIONS = MIXED.length + 10;

  test.each(
    Array.from({ length: TRANSACTIONS }, (_, i) => [i + 1, false] as const).flatMap(([nth]) => [
      { nth, kept: false },
      { nth, kept: true },
    ]),
  )('in transaction $nth (kept: $kept) leaves the rest to the next, and nothing is done twice', async (dies) => {
    const clock = virtualClock();
    const store = sqliteStore(':memory:');
    await clock.run(async () => {
      const first = await start(clock, store, dies);
      const monitor = monitorOf(await first.ann('POST', '/imports', { items: MIXED }));
      await clock.sleep(3000);
      expect(first.isDead()).toBe(true);
      await first.app.close();
      const second = await start(clock, store);
      const { status, result } = await toItsEnd(second, monitor, 10, second.ann);
      expect([status, result.total, result.created, result.duplicate, result.invalid]).toEqual(['succeeded', 7, 4, 1, 2]);
      const statuses = result.results.map((one: Body) => [one['index'], one['status']]);
      expect(statuses).toEqual([
        [0, 'created'],
        [1, 'invalid'],
        [2, 'created'],
        [3, 'created'],
        [4, 'invalid'],
        [5, 'duplicate'],
        [6, 'created'],
      ]);
      expect(await namesOf(second.ann)).toEqual(['Customer 0', 'Ada', 'Customer 1', 'Customer 2']);
      expect((await madeIn(store)).map(({ subject }) => subject)).toEqual(
        result.results.filter((one: Body) => one['status'] === 'created').map((one: Body) => one['url'] as string),
      );
      await second.app.close();
    });
    await store.close();
  });

  test.each([false, true])('at the end of an atomic import (kept: %s) leaves all or nothing', async (kept) => {
    const clock = virtualClock();
    const store = sqliteStore(':memory:');
    await clock.run(async () => {
      const first = await start(clock, store, { nth: 10, kept });
      const monitor = monitorOf(await first.ann('POST', '/imports?atomic=true', { items: customers(5) }));
      await clock.sleep(3000);
      expect(first.isDead()).toBe(true);
      expect(await madeIn(store)).toHaveLength(kept ? 5 : 0);
      await first.app.close();
      const second = await start(clock, store);
      expect(await toItsEnd(second, monitor, 10, second.ann)).toMatchObject({ status: 'succeeded', result: { created: 5 } });
      expect(await madeIn(store)).toHaveLength(5);
      await second.app.close();
    });
    await store.close();
  });
});
