import { describe, expect, test } from 'vitest';
import { demoApp } from '../../../src/demo/app.ts';
import { POLICIES, type PolicyName } from '../../../src/demo/policies.ts';
import { bodyOf, inWorld, logIn, standing, type Send, type World } from './world.ts';

const flight = { flight: 'HF123', passenger: 'Ada Lovelace', card: '4242424242424242' };
const much = { from: 'acc_ann_savings', to: 'acc_bob_current', amount: 150_000 };
const KEY = { 'idempotency-key': '"k"' };
const DAY_MS = 86_400_000;

interface Rules {
  readonly life: number;
  readonly reused: readonly [status: number, type: string];
  readonly replayed: string;
  /** Whether a refusal after work began is given again. */
  readonly keeps: boolean;
  /** Whether an operation that failed is ordered anew. */
  readonly again: boolean;
}

const RULES: Readonly<Record<PolicyName, Rules>> = {
  ietf: { life: DAY_MS, reused: [422, '/problems/key-reused'], replayed: 'idempotency-replayed', keeps: false, again: false },
  'stripe-v1': {
    life: DAY_MS,
    reused: [400, '/problems/key-mismatch'],
    replayed: 'idempotent-replayed',
    keeps: true,
    again: false,
  },
  'stripe-v2': {
    life: 30 * DAY_MS,
    reused: [400, '/problems/key-mismatch'],
    replayed: 'idempotent-replayed',
    keeps: false,
    again: true,
  },
  powertools: {
    life: 3_600_000,
    reused: [400, '/problems/key-mismatch'],
    replayed: 'idempotency-replayed',
    keeps: false,
    again: true,
  },
};

test('every policy has its rules', () => {
  expect(Object.keys(RULES)).toEqual(Object.keys(POLICIES));
});

describe.each(Object.entries(RULES))('%s', (name, { life, reused, replayed, keeps, again }) => {
  const policy = name as PolicyName;
  const asAnn = (body: (ann: Send, world: World) => Promise<void>): Promise<void> =>
    inWorld({ idempotency: policy }, async (world) => body(await logIn(world, 'ann'), world));
  const typeOf = async (response: Response): Promise<unknown> => (await bodyOf(response))['type'];

  test('gives the answer again, and says so', () =>
    asAnn(async (ann) => {
      const first = await ann('POST', '/bookings', flight, KEY);
      const repeat = await ann('POST', '/bookings', flight, KEY);
      expect([repeat.status, repeat.headers.get(replayed), repeat.headers.get('location')]).toEqual([
        201,
        'true',
        first.headers.get('location'),
      ]);
      expect(await repeat.text()).toBe(await first.text());
    }));

  test('remembers a key for its time, and no longer', () =>
    asAnn(async (_ann, world) => {
      const ask = async (): Promise<Response> => (await logIn(world, 'ann'))('POST', '/transfers', { ...much, amount: 1 }, KEY);
      await ask();
      await world.clock.sleep(life - 1000);
      expect((await ask()).headers.get(replayed)).toBe('true');
      await world.clock.sleep(2000);
      expect((await ask()).headers.get(replayed)).toBeNull();
    }));

  test('refuses a key that came with another request', () =>
    asAnn(async (ann) => {
      await ann('POST', '/bookings', flight, KEY);
      const other = await ann('POST', '/bookings', { ...flight, flight: 'HF124' }, KEY);
      expect([other.status, await typeOf(other)]).toEqual(reused);
    }));

  test('refuses a request that meets the first one under way', () =>
    asAnn(async (ann) => {
      const [first, met] = await Promise.all([ann('POST', '/bookings', flight, KEY), ann('POST', '/bookings', flight, KEY)]);
      expect([first.status, met.status, await typeOf(met), met.headers.get('retry-after')]).toEqual([
        201,
        409,
        '/problems/in-flight',
        '1',
      ]);
    }));

  test(`${keeps ? 'keeps' : 'does not keep'} what was refused after work began`, () =>
    asAnn(async (ann, world) => {
      const refused = await ann('POST', '/transfers', much, KEY);
      expect(refused.status).toBe(422);
      await ann('POST', '/transfers', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 60_000 });
      const retried = await ann('POST', '/transfers', much, KEY);
      expect([retried.status, retried.headers.get(replayed)]).toEqual(keeps ? [422, 'true'] : [201, null]);
      const { accounts } = await bodyOf(await ann('GET', '/accounts'));
      expect(accounts).toMatchObject([{ balance: 40_000 }, { balance: keeps ? 160_000 : 10_000 }]);

      world.network = () => Promise.reject(new TypeError('fetch failed'));
      const down = await ann('POST', '/bookings', flight, KEY);
      expect(down.status).toBeGreaterThanOrEqual(500);
      world.network = world.services.fetch;
      const later = await world.clock.sleep(5000).then(() => ann('POST', '/bookings', flight, KEY));
      expect(later.status).toBe(keeps ? down.status : 201);
      expect(await standing(world)).toHaveLength(keeps ? 0 : 3);
    }));

  test('keeps no refusal of what was never begun', () =>
    asAnn(async (ann) => {
      expect((await ann('POST', '/transfers', { ...much, amount: 0 }, KEY)).status).toBe(422);
      expect((await ann('POST', '/transfers', { ...much, amount: 1 }, KEY)).status).toBe(201);
    }));

  test('keeps nothing of a request whose client hung up', () =>
    asAnn(async (ann, world) => {
      const client = new AbortController();
      const gone = ann('POST', '/bookings', flight, KEY, client.signal);
      await world.clock.sleep(10);
      client.abort(new Error('gone home'));
      await expect(gone).rejects.toThrow('gone home');
      await world.clock.sleep(5000);
      expect((await ann('POST', '/bookings', flight, KEY)).status).toBe(201);
      expect(await standing(world)).toEqual(['payment', 'seat', 'ticket']);
    }));

  test(`${again ? 'orders anew' : 'tells again'} what was accepted and failed`, () =>
    asAnn(async (ann, world) => {
      const order = (): Promise<Response> => ann('POST', '/reports', { template: 'none' }, KEY);
      const first = await order();
      expect((await order()).headers.get('location')).toBe(first.headers.get('location'));
      await world.clock.sleep(5000);
      const retried = await order();
      expect(retried.status).toBe(202);
      expect(retried.headers.get('location') === first.headers.get('location')).toBe(!again);
    }));
});

test.each<[string, string, object]>([
  ['POST', '/customers', { name: 'Ada', email: 'a@b.test' }],
  ['POST', '/transfers', { ...much, amount: 1 }],
  ['POST', '/bookings', flight],
  ['POST', '/reports', {}],
])('%s %s needs a key where one is required', (method, path, body) =>
  inWorld({ idempotency: { required: true } }, async (world) => {
    const ann = await logIn(world, 'ann');
    const refused = await ann(method, path, body);
    expect([refused.status, (await bodyOf(refused))['type']]).toEqual([400, '/problems/key-required']);
    expect((await ann(method, path, body, KEY)).status).toBeLessThan(300);
  }),
);

test('an unknown policy is refused with the nearest', () => {
  const named = (policy: string): unknown => demoApp({ idempotency: policy as PolicyName });
  expect(() => named('stripe-v3')).toThrow(/there is no policy "stripe-v3" of idempotency keys[^]*did you mean/);
  expect(() => named('?')).toThrow(/the policies are ietf, /);
});
