import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DECLINED_CARD, demoApp, sqliteStore, type Services, type Store } from '../../../src/demo/index.ts';
import { addressOf, bodyOf, inWorld, logIn, standing, worldOf, type Send, type World } from './world.ts';

type Fetch = Services['fetch'];

const card = '4242424242424242';
const order = { flight: 'HF123', passenger: 'Ada Lovelace', card };

/** As Ann, who has logged in, with something between the demo and its services. */
const asAnn = (
  body: (ann: Send, world: World) => Promise<void>,
  between?: (fetch: Fetch, world: World) => Fetch,
): Promise<void> =>
  inWorld({}, async (world) => {
    if (between !== undefined) world.network = between(world.services.fetch, world);
    await body(await logIn(world, 'ann'), world);
  });

/** Loses what one service is sent, or what it answers. */
const losing =
  (name: string, method: string, what: 'request' | 'answer', times = Number.POSITIVE_INFINITY) =>
  (fetch: Fetch): Fetch => {
    let left = times;
    return async (input, init) => {
      if (!addressOf(input).includes(`//${name}.`) || init?.method !== method || left-- <= 0) return fetch(input, init);
      if (what === 'answer') await fetch(input, { ...init, signal: null });
      throw new TypeError('fetch failed');
    };
  };

describe('a booking', () => {
  test('takes as long as its three services, and is then confirmed', () =>
    asAnn(async (ann, world) => {
      const booked = await ann('POST', '/bookings', order);
      expect([booked.status, world.clock.now()]).toEqual([201, 1200]);
      const told = await bodyOf(booked);
      expect(told).toMatchObject({ flight: 'HF123', passenger: 'Ada Lovelace', status: 'confirmed', price: expect.any(Number) });
      expect(await bodyOf(await ann('GET', String(booked.headers.get('location'))))).toEqual(told);
      expect(world.calls).toEqual(['PUT payment', 'PUT seat', 'PUT ticket']);
      expect(await standing(world)).toEqual(['payment', 'seat', 'ticket']);
    }));

  test.each([
    ['a card that is declined', { ...order, card: DECLINED_CARD }, 422, 'payment-declined', ['DELETE payment']],
    ['a flight without seats', { ...order, flight: 'HF000' }, 409, 'sold-out', ['DELETE seat', 'DELETE payment']],
    [
      'a flight without tickets',
      { ...order, flight: 'HF999' },
      409,
      'ticketing-closed',
      ['DELETE ticket', 'DELETE seat', 'DELETE payment'],
    ],
  ])('of %s fails, and is undone, the last first, before it is told', (_name, given, status, kind, undone) =>
    asAnn(async (ann, world) => {
      const refused = await ann('POST', '/bookings', given);
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([status, `/problems/${kind}`]);
      expect(world.calls.filter((call) => call.startsWith('DELETE'))).toEqual(undone);
      expect(await standing(world)).toEqual([]);
      expect((await bodyOf(await ann('GET', '/bookings')))['bookings']).toMatchObject([{ status: 'failed', error: { status } }]);
    }),
  );

  test.each(['payment', 'seat', 'ticket'])('whose answer of the %s is lost fails, and what was done is undone', async (name) => {
    await asAnn(
      async (ann, world) => {
        const refused = await ann('POST', '/bookings', order);
        expect([refused.status, (await bodyOf(refused))['type']]).toEqual([502, '/problems/service-failed']);
        expect(world.calls).toContain(`DELETE ${name}`);
        expect(await standing(world)).toEqual([]);
      },
      losing(name, 'PUT', 'answer'),
    );
  });

  test('passes on to each service how much time is left, and none begins what it cannot end', () =>
    asAnn(async (ann, world) => {
      const refused = await ann('POST', '/bookings', order, { 'x-time-left-ms': '1000' });
      expect([refused.status, (await bodyOf(refused))['type'], world.clock.now()]).toEqual([
        502,
        '/problems/service-failed',
        700,
      ]);
      expect(world.calls.slice(0, 3)).toEqual(['PUT payment', 'PUT seat', 'PUT ticket']);
      expect(await standing(world)).toEqual([]);
    }));

  test('does not wait longer for a service than its time-out, and what comes late is undone too', () =>
    asAnn(
      async (ann, world) => {
        const refused = await ann('POST', '/bookings', order);
        expect([refused.status, (await bodyOf(refused))['type'], world.clock.now()]).toEqual([
          504,
          '/problems/service-timeout',
          5400,
        ]);
        await world.clock.sleep(60_000);
        expect(await standing(world)).toEqual([]);
      },
      (fetch, { clock }) =>
        async (input, init) => {
          if (!addressOf(input).includes('//seat.') || init?.method !== 'PUT') return fetch(input, init);
          // On its way for half a minute, whoever still waits.
          const late = clock.sleep(30_000).then(() => fetch(input, { ...init, signal: null }));
          return new Promise((resolve, reject) => {
            init.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
            late.then(resolve, reject);
          });
        },
    ));

  test('of a client that hangs up is undone', () =>
    asAnn(async (ann, world) => {
      const stop = new AbortController();
      const booking = ann('POST', '/bookings', order, {}, stop.signal).catch((error: unknown) => error);
      await world.clock.sleep(600);
      stop.abort(new Error('gone'));
      expect(await booking).toEqual(new Error('gone'));
      await world.clock.sleep(5000);
      expect(await standing(world)).toEqual([]);
      expect((await bodyOf(await ann('GET', '/bookings')))['bookings']).toMatchObject([{ status: 'failed' }]);
    }));

  test('that cannot be undone at once is undone as soon as the service is back', () =>
    asAnn(
      async (ann, world) => {
        expect((await ann('POST', '/bookings', { ...order, flight: 'HF000' })).status).toBe(409);
        expect((await bodyOf(await ann('GET', '/bookings')))['bookings']).toMatchObject([{ status: 'undoing' }]);
        expect(await standing(world)).toEqual(['payment']);
        await world.clock.sleep(60_000);
        expect((await bodyOf(await ann('GET', '/bookings')))['bookings']).toMatchObject([
          { status: 'failed', error: { status: 409 } },
        ]);
        expect(await standing(world)).toEqual([]);
      },
      losing('payment', 'DELETE', 'request', 4),
    ));

  test('is undone again when the store failed to keep that it was', async () => {
    const store = sqliteStore(':memory:');
    const faults: unknown[] = [];
    let failing = 0;
    const db: typeof store.db = {
      ...store.db,
      transact: (work) => (failing-- > 0 ? Promise.reject(new Error('the disk is full')) : store.db.transact(work)),
    };
    await inWorld({ store: { ...store, db }, onError: (error) => void faults.push(error) }, async (world) => {
      const ann = await logIn(world, 'ann');
      world.network = losing('payment', 'DELETE', 'request', 1)(world.services.fetch);
      expect((await ann('POST', '/bookings', { ...order, flight: 'HF000' })).status).toBe(409);
      failing = 1;
      await world.clock.sleep(10_000);
      expect(faults).toEqual([new Error('the disk is full')]);
      expect((await bodyOf(await ann('GET', '/bookings')))['bookings']).toMatchObject([{ status: 'failed' }]);
    });
    await store.close();
  });

  test('that was under way when the server died is undone at the next start', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-bookings-'));
    const [store, left] = [join(folder, 'demo.db'), join(folder, 'left.db')];
    const world = worldOf({ store });
    await world.clock.run(async () => {
      world.app.start();
      const lost = (await logIn(world, 'ann'))('POST', '/bookings', order);
      await world.clock.sleep(500);
      // What a process that is killed now leaves behind; this one does no more.
      for (const end of ['', '-wal']) copyFileSync(`${store}${end}`, `${left}${end}`);
      world.network = () => Promise.reject(new Error('dead'));
      await lost;
      await world.app.close();
      // The seat was ordered before the end, and is taken though nobody waits for it.
      expect(await standing(world)).toEqual(['payment', 'seat']);
      const app = demoApp({ clock: world.clock, store: left, fetch: world.services.fetch }).start();
      await world.clock.sleep(1000);
      expect(await standing(world)).toEqual([]);
      const again = await logIn({ app }, 'ann');
      expect((await bodyOf(await again('GET', '/bookings')))['bookings']).toMatchObject([
        { status: 'failed', error: { type: '/problems/interrupted' } },
      ]);
      await app.close();
    });
    await world.services.close();
    rmSync(folder, { recursive: true });
  });

  /** Two demos on a store that they share; what the first keeps, it keeps `late.by` milliseconds later. */
  const inTwo = async (body: (ann: Send, late: { by: number }, second: World, store: Store) => Promise<void>): Promise<void> => {
    const own = sqliteStore(':memory:');
    const db = { ...own.db, alone: false };
    const store = { ...own, db };
    const late = { by: 0 };
    await inWorld({ store }, async (second) => {
      const { clock, services } = second;
      const transact: typeof db.transact = async (work) => {
        await clock.sleep(late.by);
        return db.transact(work);
      };
      const app = demoApp({ clock, store: { ...store, db: { ...db, transact } }, fetch: services.fetch }).start();
      await body(await logIn({ app }, 'ann'), late, second, store);
      await app.close();
    });
    await own.close();
  };

  test('that another process is at work on is left to it', () =>
    inTwo(async (ann, _late, { clock, services, ...world }, store) => {
      const booking = ann('POST', '/bookings', order);
      await clock.sleep(100);
      const third = demoApp({ clock, store, fetch: services.fetch }).start();
      expect((await booking).status).toBe(201);
      await clock.sleep(120_000);
      expect(await standing({ ...world, clock, services })).toEqual(['payment', 'seat', 'ticket']);
      await third.close();
    }));

  test('that is confirmed while another process takes it for abandoned stays so', () =>
    inTwo(async (ann, late, second, store) => {
      const { clock, services } = second;
      await clock.sleep(5_000);
      const booking = ann('POST', '/bookings', order);
      await clock.sleep(100);
      late.by = 31_000;
      await clock.sleep(30_900);
      // It sees the booking before its end, and acts after it.
      const single: typeof store.db.single = async (work) => {
        const seen = await store.db.single(work);
        await clock.sleep(2_000);
        return seen;
      };
      const third = demoApp({ clock, store: { ...store, db: { ...store.db, single } }, fetch: services.fetch }).start();
      expect((await booking).status).toBe(201);
      expect(clock.now()).toBeLessThan(38_000);
      await clock.sleep(60_000);
      expect(await standing(second)).toEqual(['payment', 'seat', 'ticket']);
      late.by = 0;
      await third.close();
    }));

  test('that nobody ends is undone by another process, once it is so old that nobody can be at work on it', () =>
    inTwo(async (ann, late, second) => {
      const booking = ann('POST', '/bookings', order);
      await second.clock.sleep(100);
      // As good as dead: what it does next comes after two minutes.
      late.by = 120_000;
      const bookings = async (): Promise<unknown> => (await bodyOf(await ann('GET', '/bookings')))['bookings'];
      await second.clock.sleep(29_000);
      expect(await bookings()).toMatchObject([{ status: 'pending' }]);
      expect(await standing(second)).toEqual(['payment', 'seat', 'ticket']);
      await second.clock.sleep(12_000);
      const failed = [{ status: 'failed', error: { type: '/problems/interrupted' } }];
      expect(await bookings()).toMatchObject(failed);
      expect(await standing(second)).toEqual([]);
      // It was not dead: it must not confirm what is undone.
      expect(await bodyOf(await booking)).toMatchObject({ type: '/problems/interrupted' });
      expect(await bookings()).toMatchObject(failed);
      late.by = 0;
    }));

  test.each([
    [{}, ['#/flight', '#/passenger', '#/card']],
    [{ ...order, flight: 'hf1', seat: '1A' }, ['#/seat', '#/flight']],
    [{ ...order, card: '42' }, ['#/card']],
  ])('%j is refused with all that is wrong, and nobody is called', (given, pointers) =>
    asAnn(async (ann, world) => {
      const told = await bodyOf(await ann('POST', '/bookings', given));
      expect([told['status'], (told['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)]).toEqual([422, pointers]);
      expect(world.calls).toEqual([]);
    }),
  );

  test('keeps no card', () =>
    asAnn(async (ann) => {
      await ann('POST', '/bookings', order);
      expect(JSON.stringify(await bodyOf(await ann('GET', '/bookings')))).not.toContain(card);
    }));
});
