import { describe, expect, test } from 'vitest';
import { bodyOf, inWorld, logIn, post, standing, type Send, type World } from './world.ts';

const flight = { flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' };
const rent = { from: 'acc_ann_current', to: 'acc_bob_current', amount: 2500 };

/** What is done once, and how often it has been done. */
const ORDERS: readonly (readonly [
  path: string,
  body: object,
  other: object,
  done: (ann: Send, world: World) => Promise<number>,
])[] = [
  [
    '/customers',
    { name: 'Ada', email: 'a@b.test' },
    { name: 'Bea', email: 'b@b.test' },
    async (ann) => ((await bodyOf(await ann('GET', '/customers')))['customers'] as unknown[]).length,
  ],
  [
    '/transfers',
    rent,
    { ...rent, amount: 1 },
    async (ann) => ((await bodyOf(await ann('GET', '/transfers')))['transfers'] as unknown[]).length,
  ],
  [
    '/bookings',
    flight,
    { ...flight, flight: 'HF124' },
    async (_ann, world) => (await standing(world)).filter((of) => of === 'payment').length,
  ],
  [
    '/reports',
    { title: 'x' },
    { title: 'y' },
    async (ann, world) => {
      await world.clock.sleep(10_000);
      return ((await bodyOf(await ann('GET', '/reports')))['reports'] as unknown[]).length;
    },
  ],
];

const asAnn = (body: (ann: Send, world: World) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => body(await logIn(world, 'ann'), world));
const key = (text: string): Record<string, string> => ({ 'idempotency-key': text });

describe.each(ORDERS)('POST %s with an Idempotency-Key', (path, body, other, done) => {
  test('is done once, and its repeats are given the same answer, which says so', () =>
    asAnn(async (ann, world) => {
      const first = await ann('POST', path, body, key('"k1"'));
      const told = await bodyOf(first);
      for (const repeat of [await ann('POST', path, body, key('"k1"')), await ann('POST', path, body, key('k1'))]) {
        expect([repeat.status, repeat.headers.get('location')]).toEqual([first.status, first.headers.get('location')]);
        expect(repeat.headers.get('idempotency-replayed')).toBe('true');
        expect(await bodyOf(repeat)).toEqual(told);
      }
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      expect(await done(ann, world)).toBe(1);
    }));

  test('is done once though it comes many times at once', () =>
    asAnn(async (ann, world) => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ann('POST', path, body, key('"k1"'))));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status < 300).length).toBeGreaterThan(0);
      // Of those that meet it under way, each is told to come back.
      for (const answer of answers) {
        expect([201, 202, 409]).toContain(answer.status);
        expect(answer.headers.get('retry-after') !== null || path !== '/bookings' || answer.status === 201).toBe(true);
      }
      expect(await done(ann, world)).toBe(1);
    }));

  test('is not the same as one with another body, another key, or of another caller', () =>
    asAnn(async (ann, world) => {
      await ann('POST', path, body, key('"k1"'));
      const reused = await ann('POST', path, other, key('"k1"'));
      expect([reused.status, (await bodyOf(reused))['type']]).toEqual([422, '/problems/key-reused']);
      expect((await ann('POST', path, other, key('"k2"'))).status).toBeLessThan(300);
      const bob = await logIn(world, 'bob');
      const his = await bob('POST', path, path === '/transfers' ? { ...rent, from: 'acc_bob_savings' } : body, key('"k1"'));
      expect([his.status < 300, his.headers.get('idempotency-replayed')]).toEqual([true, null]);
    }));

  test('is forgotten after a day', () =>
    asAnn(async (ann, world) => {
      await ann('POST', path, other, key('"k1"'));
      await world.clock.sleep(86_390_000);
      const later = await logIn(world, 'ann');
      expect((await later('POST', path, body, key('"k1"'))).status).toBe(422);
      await world.clock.sleep(20_000);
      expect((await later('POST', path, body, key('"k1"'))).status).toBeLessThan(300);
    }));

  test.each(['', '""', '"two" "keys"', `"${'x'.repeat(256)}"`, '"é"'])('%j is no key, and nothing is done', (text) =>
    asAnn(async (ann, world) => {
      const refused = await ann('POST', path, body, key(text));
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([400, '/problems/invalid-key']);
      expect(await done(ann, world)).toBe(0);
    }),
  );
});

describe('a key whose request was refused', () => {
  test('is free: a refusal did nothing', () =>
    asAnn(async (ann) => {
      const much = { ...rent, from: 'acc_ann_savings', amount: 150_000 };
      expect((await ann('POST', '/transfers', much, key('"k1"'))).status).toBe(422);
      await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 60_000 });
      expect((await ann('POST', '/transfers', much, key('"k1"'))).status).toBe(201);
    }));

  test('is free when a booking that failed has been undone, and not before', () =>
    asAnn(async (ann, world) => {
      let down = true;
      world.network = async (input, init) => {
        if (down && init?.method === 'DELETE') throw new TypeError('fetch failed');
        const answer = await world.services.fetch(input, init);
        if (down && init?.method === 'PUT') throw new TypeError('the answer was lost');
        return answer;
      };
      expect((await ann('POST', '/bookings', flight, key('"k1"'))).status).toBe(502);
      const early = await ann('POST', '/bookings', flight, key('"k1"'));
      expect([early.status, (await bodyOf(early))['type'], early.headers.get('retry-after')]).toEqual([
        409,
        '/problems/in-flight',
        '1',
      ]);
      down = false;
      await world.clock.sleep(5000);
      expect((await ann('POST', '/bookings', flight, key('"k1"'))).status).toBe(201);
      expect(await standing(world)).toEqual(['payment', 'seat', 'ticket']);
    }));
});

test('without a key a repeat is another order', () =>
  inWorld({}, async ({ app, clock }) => {
    await post(app);
    await post(app);
    await clock.sleep(10_000);
    expect((await bodyOf(await app.fetch('/reports')))['reports']).toHaveLength(2);
  }));
