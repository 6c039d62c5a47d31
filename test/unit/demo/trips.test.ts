import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DECLINED_CARD, demoApp, sqliteStore, type DemoOptions, type Services } from '../../../src/demo/index.ts';
import { eventsFrom } from '../../../src/demo/events.ts';
import {
  addressOf,
  bodyOf,
  inWorld,
  logIn,
  losing,
  monitorOf,
  slow,
  standing,
  type Body,
  type Send,
  type World,
} from './world.ts';

type Fetch = Services['fetch'];

const card = '4242424242424242';
const order = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada Lovelace', card };
const ALL = ['payment', 'seat', 'hotel', 'car'];
/** A moment within each call, in milliseconds after the order: token 100, in the queue 130, then 300, 350, 250 and 400. */
const DURING = { seat: 300, hotel: 700, car: 1000, payment: 1400 } as const;
const AT_EACH_STEP = Object.entries(DURING);

/** As Ann, who has logged in, with something between the demo and its services. */
const asAnn = (
  body: (ann: Send, world: World) => Promise<void>,
  between?: (fetch: Fetch, world: World) => Fetch,
  options: DemoOptions = {},
): Promise<void> =>
  inWorld(options, async (world) => {
    if (between !== undefined) world.network = between(world.services.fetch, world);
    await body(await logIn(world, 'ann'), world);
  });

/** Looks once a second until the operation has ended. */
async function ended(send: Send, { clock }: World, monitor: string, looks = 200): Promise<Body> {
  for (let look = 0; look < looks; look++) {
    await clock.sleep(1000);
    const body = await bodyOf(await send('GET', monitor));
    if (!['queued', 'running', 'cancelling'].includes(String(body['status']))) return body;
  }
  throw new Error(`${monitor} has not ended after ${looks} looks`);
}

/** Every service's effects, made or not: what was made twice is there twice. */
async function effects({ services }: World): Promise<number> {
  const all = await Promise.all(services.all.map((one) => one.effects()));
  return all.flat().length;
}

const undoneOf = ({ calls }: World): readonly string[] =>
  calls.flatMap((call) => (call.startsWith('DELETE ') ? [call.slice(7)] : []));
const states = (told: Body): Record<string, string> =>
  Object.fromEntries((told['steps'] as { name: string; state: string }[]).map(({ name, state }) => [name, state]));
const tripOf = async (ann: Send): Promise<Body> => ((await bodyOf(await ann('GET', '/trips')))['trips'] as Body[])[0]!;

describe('a trip', () => {
  test('is accepted at once and booked later, part by part, and the money last', () =>
    asAnn(async (ann, world) => {
      const accepted = await ann('POST', '/trips', order);
      expect([accepted.status, world.clock.now()]).toEqual([202, 100]);
      const monitor = monitorOf(accepted);
      const looks: unknown[] = [];
      for (let look = 0; look < 6; look++) {
        const told = await bodyOf(await ann('GET', monitor));
        looks.push([told['status'], told['progress'], ...Object.values(states(told))]);
        await world.clock.sleep(300);
      }
      expect(looks).toEqual([
        ['queued', 0, 'planned', 'planned', 'planned', 'planned'],
        ['running', 0, 'begun', 'planned', 'planned', 'planned'],
        ['running', 20, 'done', 'begun', 'planned', 'planned'],
        ['running', 50, 'done', 'done', 'begun', 'planned'],
        ['running', 70, 'done', 'done', 'done', 'begun'],
        ['succeeded', 100, 'done', 'done', 'done', 'done'],
      ]);
      expect(world.calls).toEqual(['POST payment', 'PUT seat', 'PUT hotel', 'PUT car', 'PUT payment']);
      expect(await standing(world)).toEqual(ALL);
      const trip = await tripOf(ann);
      const { card: _secret, ...asked } = order;
      expect(trip).toMatchObject({ ...asked, status: 'booked', operation: monitor });
      expect(await bodyOf(await ann('GET', monitor))).toMatchObject({
        result: { url: `/trips/${trip['id']}`, price: trip['price'] },
      });
      expect(await bodyOf(await ann('GET', `/trips/${trip['id']}`))).toEqual(trip);
    }));

  test.each([
    ['a flight without seats', { flight: 'HF000' }, 'sold-out', ['seat']],
    ['a city without rooms', { city: 'Atlantis' }, 'no-rooms', ['hotel', 'seat']],
    ['a car of which none is left', { car: 'convertible' }, 'no-cars', ['car', 'hotel', 'seat']],
    ['a card that is declined', { card: DECLINED_CARD }, 'payment-declined', ['payment', 'car', 'hotel', 'seat']],
  ])('with %s fails when all of it is undone, the last first', (_name, wrong, kind, undone) =>
    asAnn(async (ann, world) => {
      const told = await ended(ann, world, monitorOf(await ann('POST', '/trips', { ...order, ...wrong })));
      expect([told['status'], told['error'].type]).toEqual(['failed', `/problems/${kind}`]);
      expect(told['error'].detail).toContain(`; undone: ${undone.join(', ').replace('seat', 'flight')}`);
      expect(undoneOf(world)).toEqual(undone);
      expect(await standing(world)).toEqual([]);
      expect(Object.values(states(told))).not.toContain('done');
      expect(await tripOf(ann)).toMatchObject({ status: 'failed', error: told['error'] });
    }),
  );

  test.each(ALL)('of which the answer of the %s is lost is asked for again, and made once', (name) =>
    asAnn(
      async (ann, world) => {
        const told = await ended(ann, world, monitorOf(await ann('POST', '/trips', order)));
        expect(told).toMatchObject({ status: 'succeeded' });
        expect(world.calls.filter((call) => call === `PUT ${name}`)).toHaveLength(3);
        expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      },
      losing(name, 'PUT', 'answer', 2),
    ),
  );

  test.each(ALL)('waits for the %s that is down for an hour, asking less and less often', (name) => {
    const tries: number[] = [];
    return asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(3_600_000);
        const told = await ended(await logIn(world, 'ann'), world, monitor);
        expect(told).toMatchObject({ status: 'succeeded' });
        expect(world.clock.now()).toBeLessThan(3_600_000 + 65_000);
        const waits = tries.slice(1).map((at, index) => at - tries[index]!);
        expect(waits.slice(0, 8)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      },
      (fetch, { clock }) =>
        async (input, init) => {
          if (!addressOf(input).includes(`//${name}.`) || init?.method !== 'PUT') return fetch(input, init);
          tries.push(clock.now());
          if (clock.now() < 3_600_000) throw new TypeError('fetch failed');
          return fetch(input, init);
        },
    );
  });

  test('takes no time-out for a refusal: a service that is slow at first is asked again', () =>
    asAnn(
      async (ann, world) => {
        const told = await ended(ann, world, monitorOf(await ann('POST', '/trips', order)));
        expect(told).toMatchObject({ status: 'succeeded' });
        await world.clock.sleep(60_000);
        expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      },
      (fetch, world) => {
        let first = true;
        const late = slow('hotel', 'PUT', 20_000)(fetch, world);
        return (input, init) => {
          const isFirst = first && addressOf(input).includes('//hotel.');
          if (isFirst) first = false;
          return isFirst ? late(input, init) : fetch(input, init);
        };
      },
    ));

  test.each([503, 408, 429])('is tried again when a service answers %i', (status) => {
    let left = 3;
    return asAnn(
      async (ann, world) => {
        const told = await ended(ann, world, monitorOf(await ann('POST', '/trips', order)));
        expect([told['status'], await standing(world)]).toEqual(['succeeded', ALL]);
      },
      (fetch) => async (input, init) => {
        if (!addressOf(input).includes('//car.') || left-- <= 0) return fetch(input, init);
        return new Response(JSON.stringify({ type: 'about:blank', title: 'busy', detail: 'later' }), { status });
      },
    );
  });

  test('is given up and undone a day after its order, when a service never comes back', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(23 * 3_600_000);
        expect(await bodyOf(await (await logIn(world, 'ann'))('GET', monitor))).toMatchObject({ status: 'running' });
        await world.clock.sleep(3_700_000);
        const told = await bodyOf(await (await logIn(world, 'ann'))('GET', monitor));
        expect(told).toMatchObject({ status: 'failed', error: { type: '/problems/deadline-passed' } });
        expect(undoneOf(world)).toEqual(['car', 'hotel', 'seat']);
        expect(await standing(world)).toEqual([]);
      },
      losing('car', 'PUT', 'answer'),
    ));

  test.each(['car', 'hotel', 'seat'])('is not told as failed before the %s that cannot be undone at once is undone', (name) =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', { ...order, card: DECLINED_CARD }));
        await world.clock.sleep(30_000);
        expect(await bodyOf(await ann('GET', monitor))).toMatchObject({ status: 'running' });
        expect(await standing(world)).toContain(name);
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'failed', error: { status: 422 } });
        expect(await standing(world)).toEqual([]);
        expect([...new Set(undoneOf(world))]).toEqual(['payment', 'car', 'hotel', 'seat']);
      },
      losing(name, 'DELETE', 'request', 6),
    ),
  );

  test('that is cancelled while it is undone for another reason is cancelled', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', { ...order, card: DECLINED_CARD }));
        await world.clock.sleep(3_000);
        expect((await ann('DELETE', monitor)).status).toBe(202);
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'cancelled' });
        expect(await standing(world)).toEqual([]);
      },
      losing('hotel', 'DELETE', 'request', 5),
    ));
});

describe('a trip that is cancelled', () => {
  test('in the queue is cancelled at once', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/trips', order));
      const answer = await ann('DELETE', monitor);
      expect([answer.status, (await bodyOf(answer))['status']]).toEqual([200, 'cancelled']);
      await world.clock.sleep(5_000);
      expect(world.calls).toEqual(['POST payment']);
      expect(await tripOf(ann)).toMatchObject({ status: 'cancelled' });
    }));

  test.each(AT_EACH_STEP)('during the %s is cancelling until it is undone, and then cancelled', (name, at) =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/trips', order));
      await world.clock.sleep(at - world.clock.now());
      expect(world.calls.at(-1)).toBe(`PUT ${name}`);
      const answer = await ann('DELETE', monitor);
      expect([answer.status, (await bodyOf(answer))['status']]).toEqual([202, 'cancelling']);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect((await ann('DELETE', monitor)).status).toBe(202);
      expect(await tripOf(ann)).toMatchObject({ status: 'cancelling' });
      const told = await ended(ann, world, monitor);
      expect(told).toMatchObject({ status: 'cancelled' });
      expect(told).not.toHaveProperty('error');
      const taken = Object.keys(DURING);
      expect(undoneOf(world)).toEqual(taken.slice(0, taken.indexOf(name) + 1).toReversed());
      expect(await standing(world)).toEqual([]);
      expect((await ann('DELETE', monitor)).status).toBe(200);
    }),
  );

  test('while it waits for a service does not wait any longer', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(300_000);
        const from = world.clock.now();
        expect((await ann('DELETE', monitor)).status).toBe(202);
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'cancelled' });
        expect(world.clock.now() - from).toBe(1000);
      },
      losing('car', 'PUT', 'request'),
    ));

  test('during a call that then fails does not wait for the next', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        while (world.calls.filter((call) => call === 'PUT hotel').length < 7) await world.clock.sleep(100);
        const from = world.clock.now();
        expect((await ann('DELETE', monitor)).status).toBe(202);
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'cancelled' });
        // The time-out of that call; the wait after it would be a minute.
        expect(world.clock.now() - from).toBeLessThan(6000);
      },
      slow('hotel', 'PUT', 20_000),
    ));

  test('never goes back in its progress, nor is at a hundred while it is undone', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(DURING.payment - world.clock.now());
        await ann('DELETE', monitor);
        const seen: number[] = [];
        for (let look = 0; look < 30; look++) {
          await world.clock.sleep(100);
          seen.push(Number((await bodyOf(await ann('GET', monitor)))['progress']));
        }
        expect([...new Set(seen)]).toEqual([70, 90]);
      },
      (fetch, world) => slow('car', 'DELETE', 1000)(slow('payment', 'DELETE', 1000)(fetch, world), world),
    ));

  test('while a call is on its way leaves nothing behind when that comes late', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(DURING.car);
        await ann('DELETE', monitor);
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'cancelled' });
        expect(world.clock.now()).toBeLessThan(10_000);
        await world.clock.sleep(60_000);
        expect(await standing(world)).toEqual([]);
      },
      slow('car', 'PUT', 30_000),
    ));

  test('too late stays booked', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/trips', order));
      await ended(ann, world, monitor);
      const refused = await ann('DELETE', monitor);
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([409, '/problems/already-ended']);
      expect(await standing(world)).toEqual(ALL);
    }));

  test('by somebody else stays as it is', () =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/trips', order));
      const bob = await logIn(world, 'bob');
      expect((await bob('DELETE', monitor)).status).toBe(404);
      expect(await ended(ann, world, monitor)).toMatchObject({ status: 'succeeded' });
      expect((await bob('GET', `/trips/${(await tripOf(ann))['id']}`)).status).toBe(404);
      expect(await bodyOf(await bob('GET', '/trips'))).toEqual({ trips: [] });
    }));
});

describe('a crash', () => {
  test.each([['queue', 110], ...AT_EACH_STEP] as const)('during the %s loses nothing, and does nothing twice', (name, at) =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/trips', order));
      await world.clock.sleep(at - world.clock.now());
      await world.crash();
      expect(await ended(ann, world, monitor)).toMatchObject({ status: 'succeeded' });
      expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      expect(undoneOf(world)).toEqual([]);
      // Only the call whose answer never came is made again.
      const once = ['seat', 'hotel', 'car', 'payment'].flatMap((one) => (one === name ? [one, one] : [one]));
      expect(world.calls.slice(1)).toEqual(once.map((one) => `PUT ${one}`));
    }),
  );

  test.each(AT_EACH_STEP)('during the %s of a trip that is being cancelled leaves nothing behind', (name, at) =>
    asAnn(async (ann, world) => {
      const monitor = monitorOf(await ann('POST', '/trips', order));
      await world.clock.sleep(at - world.clock.now());
      expect((await ann('DELETE', monitor)).status).toBe(202);
      await world.crash();
      expect(await ended(ann, world, monitor)).toMatchObject({ status: 'cancelled' });
      expect(undoneOf(world)[0]).toBe(name);
      await world.clock.sleep(60_000);
      expect(await standing(world)).toEqual([]);
    }),
  );

  test.each(['payment', 'car', 'hotel', 'seat'])('while the %s is being undone goes on undoing, the last first', (name) =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', { ...order, card: DECLINED_CARD }));
        while (undoneOf(world).at(-1) !== name) await world.clock.sleep(10);
        await world.crash();
        expect(await bodyOf(await ann('GET', monitor))).toMatchObject({ status: 'running' });
        expect(await ended(ann, world, monitor)).toMatchObject({
          status: 'failed',
          error: { type: '/problems/payment-declined' },
        });
        expect([...new Set(undoneOf(world))]).toEqual(['payment', 'car', 'hotel', 'seat']);
        // Only the one whose answer never came is undone again.
        expect(undoneOf(world)).toHaveLength(5);
        expect(world.calls.filter((call) => call === 'PUT payment')).toHaveLength(1);
        expect(await standing(world)).toEqual([]);
      },
      (fetch, world) => {
        return ALL.reduce<Fetch>((under, one) => slow(one, 'DELETE', 200)(under, world), fetch);
      },
    ),
  );

  test('in which nothing of the server is left but its store is as good as any', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        for (let crash = 0; crash < 20; crash++) {
          await world.clock.sleep(173);
          await world.crash();
        }
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'succeeded' });
        expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      },
      losing('hotel', 'PUT', 'answer', 3),
    ));

  test('of the store in mid-work has the work tried again, also what is being cancelled', async () => {
    const store = sqliteStore(':memory:');
    const faults: unknown[] = [];
    let failing = 0;
    const advance: typeof store.advance = (...args) =>
      failing-- > 0 ? Promise.reject(new Error('the disk is full')) : store.advance(...args);
    await asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(DURING.hotel - world.clock.now());
        await ann('DELETE', monitor);
        failing = 2;
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'cancelled' });
        expect([faults.length, await standing(world)]).toEqual([2, []]);
      },
      undefined,
      { store: { ...store, advance }, onError: (error) => void faults.push(error) },
    );
    await store.close();
  });
});

describe('a process that is killed', () => {
  test.each(AT_EACH_STEP)('during the %s leaves to the next what it needs', async (name, at) => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-trips-'));
    const [file, left] = [join(folder, 'demo.db'), join(folder, 'left.db')];
    await asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(at - world.clock.now());
        // What it leaves behind; the one that runs here does no more.
        for (const end of ['', '-wal']) copyFileSync(`${file}${end}`, `${left}${end}`);
        world.network = () => Promise.reject(new Error('dead'));
        await world.clock.sleep(1000);
        expect(await standing(world)).toContain(name);
        const app = demoApp({ clock: world.clock, store: left, fetch: world.services.fetch }).start();
        const again = await logIn({ app }, 'ann');
        expect(await ended(again, world, monitor)).toMatchObject({ status: 'succeeded' });
        expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
        await app.close();
      },
      undefined,
      { store: file },
    );
    rmSync(folder, { recursive: true });
  });
});

describe('a worker', () => {
  test('that has no other slot works on others as soon as a trip waits, and on one at a time again when it is over', () =>
    asAnn(
      async (ann, world) => {
        const trip = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(1000);
        // The only slot is taken by a call that nobody answers.
        const report = monitorOf(await ann('POST', '/reports', { work: 500 }));
        await world.clock.sleep(4000);
        expect(await bodyOf(await ann('GET', report))).toMatchObject({ status: 'queued' });
        expect(await ended(ann, world, report, 3)).toMatchObject({ status: 'succeeded' });
        world.network = world.services.fetch;
        expect(await ended(ann, world, trip)).toMatchObject({ status: 'succeeded' });
        const [one, two] = [await ann('POST', '/reports', { work: '10s' }), await ann('POST', '/reports', { work: '10s' })].map(
          monitorOf,
        );
        expect(await ended(ann, world, one!, 11)).toMatchObject({ status: 'succeeded' });
        expect(await bodyOf(await ann('GET', two!))).toMatchObject({ status: 'running', progress: 10 });
      },
      slow('hotel', 'PUT', 20_000),
      { workers: 1 },
    ));

  test('whose trip was taken over while it was undone undoes no more of it', async () => {
    const store = sqliteStore(':memory:');
    await asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', { ...order, car: 'convertible' }));
        await world.clock.sleep(10_000);
        expect(await store.claim(monitor.slice('/operations/'.length), 'running', world.clock.wall())).toMatchObject({
          attempt: 2,
        });
        await world.clock.sleep(60_000);
        const { length } = world.calls;
        await world.clock.sleep(600_000);
        expect(world.calls).toHaveLength(length);
      },
      losing('hotel', 'DELETE', 'request'),
      { store },
    );
    await store.close();
  });

  test('works on others while a trip waits for a service', () =>
    asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(20_000);
        const report = await ended(ann, world, monitorOf(await ann('POST', '/reports', {})), 5);
        expect(report).toMatchObject({ kind: 'report', status: 'succeeded' });
        expect(await bodyOf(await ann('GET', monitor))).toMatchObject({ status: 'running' });
      },
      losing('hotel', 'PUT', 'request'),
      { workers: 1 },
    ));

  test('whose trip was taken over does no more of it', async () => {
    const store = sqliteStore(':memory:');
    await asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order));
        await world.clock.sleep(DURING.hotel - world.clock.now());
        const id = monitor.slice('/operations/'.length);
        expect(await store.claim(id, 'running', world.clock.wall())).toMatchObject({ attempt: 2 });
        await world.clock.sleep(60_000);
        expect(world.calls).toEqual(['POST payment', 'PUT seat', 'PUT hotel']);
        expect(await bodyOf(await ann('GET', monitor))).toMatchObject({ status: 'running' });
        await world.crash();
        expect(await ended(ann, world, monitor)).toMatchObject({ status: 'succeeded' });
        expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      },
      undefined,
      { store },
    );
    await store.close();
  });

  test('does the same at the same times, from the same seed', async () => {
    const run = async (): Promise<unknown> => {
      const seen: unknown[] = [];
      await asAnn(
        async (ann, world) => {
          const trips = [order, { ...order, car: 'convertible' }, { ...order, city: 'Porto' }];
          const monitors = await Promise.all(trips.map(async (trip) => monitorOf(await ann('POST', '/trips', trip))));
          await world.clock.sleep(700);
          await ann('DELETE', monitors[2]!);
          for (const monitor of monitors) seen.push(await ended(ann, world, monitor));
        },
        (fetch, { clock }) => {
          const lossy = losing('hotel', 'PUT', 'answer', 2)(fetch);
          return (input, init) => {
            seen.push([clock.now(), init?.method, addressOf(input)]);
            return lossy(input, init);
          };
        },
      );
      return seen;
    };
    expect(await run()).toEqual(await run());
  });
});

describe('the log', () => {
  const eventsOf = async (wrong: object): Promise<readonly unknown[]> => {
    const store = sqliteStore(':memory:');
    await asAnn(
      async (ann, world) => {
        await ended(ann, world, monitorOf(await ann('POST', '/trips', { ...order, ...wrong })));
      },
      undefined,
      { store },
    );
    const events = await store.db.single(() => eventsFrom(1, 'ann', 100));
    await store.close();
    return events.flatMap(({ type, data }) => (type.startsWith('trip.') ? [[type, data['undone']]] : []));
  };

  test('tells of a trip that it was ordered and booked', async () => {
    expect(await eventsOf({})).toEqual([
      ['trip.ordered', undefined],
      ['trip.booked', undefined],
    ]);
  });

  test('tells of a trip that came to nothing what was undone', async () => {
    expect(await eventsOf({ car: 'convertible' })).toEqual([
      ['trip.ordered', undefined],
      ['trip.compensated', ['car', 'hotel', 'flight']],
    ]);
  });
});

describe('an order of a trip', () => {
  test.each([
    [{}, ['#/flight', '#/city', '#/nights', '#/car', '#/passenger', '#/card']],
    [{ ...order, nights: 0, car: 'tank', seat: '1A' }, ['#/seat', '#/nights', '#/car']],
    [{ ...order, card: '42', city: '' }, ['#/city', '#/card']],
  ])('%j is refused with all that is wrong, and nobody is called', (given, pointers) =>
    asAnn(async (ann, world) => {
      const told = await bodyOf(await ann('POST', '/trips', given));
      expect([told['status'], (told['errors'] as { pointer: string }[]).map(({ pointer }) => pointer)]).toEqual([422, pointers]);
      expect(world.calls).toEqual([]);
      expect(await bodyOf(await ann('GET', '/trips'))).toEqual({ trips: [] });
    }),
  );

  test('is for those who have logged in', () =>
    inWorld({}, async ({ app }) => {
      expect((await app.fetch('/trips', { method: 'POST', body: JSON.stringify(order) })).status).toBe(401);
      expect((await app.fetch('/trips')).status).toBe(401);
    }));

  test('that comes twice at once under one key is one trip', () =>
    asAnn(async (ann, world) => {
      const key = { 'idempotency-key': '"trip-1"' };
      const [one, two] = await Promise.all([ann('POST', '/trips', order, key), ann('POST', '/trips', order, key)]);
      expect([one.status, two.status]).toEqual([202, 202]);
      expect(monitorOf(one)).toBe(monitorOf(two));
      expect([one, two].filter(({ headers }) => headers.has('idempotency-replayed'))).toHaveLength(1);
      await ended(ann, world, monitorOf(one));
      expect((await bodyOf(await ann('GET', '/trips')))['trips']).toHaveLength(1);
      expect([await standing(world), await effects(world)]).toEqual([ALL, 4]);
      const other = await ann('POST', '/trips', { ...order, card: DECLINED_CARD }, key);
      expect([other.status, (await bodyOf(other))['type']]).toEqual([422, '/problems/key-reused']);
    }));

  test('is told again though the payment service is down, and a new one is not accepted', () =>
    asAnn(async (ann, world) => {
      const accepted = await ann('POST', '/trips', order, { 'idempotency-key': '"1"' });
      world.network = losing('payment', 'POST', 'request')(world.services.fetch);
      const again = await ann('POST', '/trips', order, { 'idempotency-key': '"1"' });
      expect([again.status, monitorOf(again)]).toEqual([202, monitorOf(accepted)]);
      const refused = await ann('POST', '/trips', order, { 'idempotency-key': '"2"' });
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([502, '/problems/service-failed']);
      expect((await bodyOf(await ann('GET', '/trips')))['trips']).toHaveLength(1);
      world.network = world.services.fetch;
      expect((await ann('POST', '/trips', order, { 'idempotency-key': '"2"' })).status).toBe(202);
    }));

  test('lists the newest first', () =>
    asAnn(async (ann) => {
      for (const city of ['Lisbon', 'Porto', 'Faro']) await ann('POST', '/trips', { ...order, city });
      const { trips } = await bodyOf(await ann('GET', '/trips'));
      expect((trips as Body[]).map(({ city }) => city as string)).toEqual(['Faro', 'Porto', 'Lisbon']);
    }));

  test('leaves no card in the store, nor in anything that is told', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-trips-'));
    const file = join(folder, 'demo.db');
    await asAnn(
      async (ann, world) => {
        const monitor = monitorOf(await ann('POST', '/trips', order, { 'idempotency-key': '"1"' }));
        const during = [readFileSync(file), readFileSync(`${file}-wal`)];
        await ended(ann, world, monitor);
        const told = await Promise.all([monitor, '/operations', '/trips'].map(async (path) => (await ann('GET', path)).text()));
        await ann('POST', '/bookings', { flight: 'HF1234', passenger: 'Ada', card });
        const payments = await (await world.services.fetch('http://payment.demo.test/payments')).text();
        expect(JSON.parse(payments)).toMatchObject({ payments: [{ status: 'made' }, { status: 'made' }] });
        const kept = [...during, readFileSync(file), readFileSync(`${file}-wal`)].map((bytes) => bytes.toString('latin1'));
        expect(kept.join('')).toContain('Ada Lovelace');
        // Nor what all cards could be tried against.
        expect(kept.join('')).not.toContain(createHash('sha256').update(JSON.stringify(order)).digest('hex'));
        for (const text of [...told, payments, ...kept]) expect(text).not.toContain(card);
      },
      undefined,
      { store: file },
    );
    rmSync(folder, { recursive: true });
  });
});

describe('the payment service', () => {
  const send = (world: World, method: string, path: string, body?: object): Promise<Response> =>
    world.services.fetch(`http://payment.demo.test${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });

  test('takes a token in place of its card', () =>
    inWorld({}, async (world) => {
      const tokens: string[] = [];
      for (const each of [card, DECLINED_CARD]) {
        tokens.push(String((await bodyOf(await send(world, 'POST', '/tokens', { card: each })))['token']));
      }
      const [good, declined] = tokens;
      expect((await send(world, 'PUT', '/payments/1', { token: good, amount: 1 })).status).toBe(200);
      const refused = await send(world, 'PUT', '/payments/2', { token: declined, amount: 1 });
      expect((await bodyOf(refused))['type']).toBe('/problems/payment-declined');
      const unknown = await send(world, 'PUT', '/payments/3', { token: 'tok_0', amount: 1 });
      expect((await bodyOf(unknown))['type']).toBe('/problems/invalid-order');
    }));

  test.each([
    ['POST', {}, 422],
    ['POST', { card: 42 }, 422],
    ['DELETE', undefined, 405],
  ])('refuses %s /tokens with %j', (method, body, status) =>
    inWorld({}, async (world) => {
      expect((await send(world, method, '/tokens', body)).status).toBe(status);
    }),
  );
});
