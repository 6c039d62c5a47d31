import { describe, expect, test } from 'vitest';
import { seeded } from '../../../src/time/index.ts';
import { bodyOf, inWorld, logIn, type Send } from './world.ts';

const USERS = ['ann', 'bob', 'eve'];

async function balances(send: Send): Promise<Record<string, number>> {
  const { accounts } = await bodyOf(await send('GET', '/accounts'));
  return Object.fromEntries((accounts as { id: string; balance: number }[]).map(({ id, balance }) => [id, balance]));
}

const inBank = (body: (send: Record<string, Send>) => Promise<void>): Promise<void> =>
  inWorld({}, async (world) => {
    const entries = await Promise.all(USERS.map(async (user) => [user, await logIn(world, user)] as const));
    await body(Object.fromEntries(entries));
  });

describe('a transfer', () => {
  test('debits and credits, and is told to the one who made it', () =>
    inBank(async ({ ann, bob }) => {
      const made = await ann!('POST', '/transfers', {
        from: 'acc_ann_current',
        to: 'acc_bob_current',
        amount: 2500,
        reference: 'rent',
      });
      expect(made.status).toBe(201);
      const told = await bodyOf(made);
      expect(told).toMatchObject({ from: 'acc_ann_current', to: 'acc_bob_current', amount: 2500, reference: 'rent' });
      expect(await bodyOf(await ann!('GET', String(made.headers.get('location'))))).toEqual(told);
      expect((await bob!('GET', String(made.headers.get('location')))).status).toBe(404);
      expect(await balances(ann!)).toEqual({ acc_ann_current: 97_500, acc_ann_savings: 100_000 });
      expect(await balances(bob!)).toEqual({ acc_bob_current: 102_500, acc_bob_savings: 100_000 });
    }));

  test.each([
    ['more than there is', { from: 'acc_ann_current', to: 'acc_bob_current', amount: 100_001 }, 'insufficient-funds'],
    ['to nobody, found after the debit', { from: 'acc_ann_current', to: 'acc_nobody', amount: 1 }, 'unknown-account'],
    ['from an account of somebody else', { from: 'acc_bob_current', to: 'acc_ann_current', amount: 1 }, 'unknown-account'],
    ['to itself', { from: 'acc_ann_current', to: 'acc_ann_current', amount: 1 }, 'invalid-transfer'],
    ['of nothing', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 0 }, 'invalid-transfer'],
    ['of less than nothing', { from: 'acc_ann_current', to: 'acc_bob_current', amount: -5 }, 'invalid-transfer'],
    ['of half a cent', { from: 'acc_ann_current', to: 'acc_ann_savings', amount: 0.5 }, 'invalid-transfer'],
  ])('%s moves nothing and leaves no entry', (_name, order, kind) =>
    inBank(async ({ ann, bob }) => {
      const refused = await ann!('POST', '/transfers', order);
      expect([refused.status, (await bodyOf(refused))['type']]).toEqual([422, `/problems/${kind}`]);
      expect(await balances(ann!)).toEqual({ acc_ann_current: 100_000, acc_ann_savings: 100_000 });
      expect(await balances(bob!)).toEqual({ acc_bob_current: 100_000, acc_bob_savings: 100_000 });
      expect(await bodyOf(await ann!('GET', '/transfers'))).toEqual({ transfers: [] });
    }),
  );

  test('conserves money, whoever moves it at once, and no account goes below nothing', () =>
    inBank(async (send) => {
      const chance = seeded('money');
      const accounts = USERS.flatMap((user) => [`acc_${user}_current`, `acc_${user}_savings`]);
      const orders = Array.from({ length: 300 }, () => {
        const user = chance.pick(['ann', 'bob', 'eve']);
        const from = `acc_${user}_${chance.pick(['current', 'savings'])}`;
        const to = chance.shuffle(accounts.filter((account) => account !== from))[0];
        return send[user]!('POST', '/transfers', { from, to, amount: chance.int(1, 60_000) });
      });
      const statuses = (await Promise.all(orders)).map(({ status }) => status);
      const all = (await Promise.all(USERS.map((user) => balances(send[user]!)))).flatMap((held) => Object.values(held));
      expect(all.reduce((sum, balance) => sum + balance)).toBe(600_000);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
      // Both happened, or this would have shown nothing.
      expect(new Set(statuses)).toEqual(new Set([201, 422]));
    }));
});
