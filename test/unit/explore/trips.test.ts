/** The demo's saga, explored: all single faults and all pairs of what it calls, and the planted bugs that they find. */
import { describe, expect, test } from 'vitest';
import { demoApp } from '../../../src/demo/index.ts';
import { explore, type Exploration } from '../../../src/explore/index.ts';
import { latency, lostResponse, reset, status, type Entry } from '../../../src/faults/index.ts';
import { faultyFetch } from '../../../src/inject/index.ts';
import { bodyOf, inWorld, logIn, monitorOf, standing, type Body } from '../demo/world.ts';

void demoApp;
const order = { flight: 'HF123', city: 'Lisbon', nights: 3, car: 'compact', passenger: 'Ada Lovelace', card: '4242424242424242' };
const ALL = ['payment', 'seat', 'hotel', 'car'];
const FAULTS: readonly Entry[] = [
  reset(),
  lostResponse(),
  status({ status: 503 }),
  status({
    status: 409,
    headers: { 'content-type': 'application/problem+json' },
    body: '{"title":"refused","status":409}',
    id: 'refusal',
  }),
  latency({ ms: '10s' }),
];

/** A trip in a world of its own: it ends, and leaves all of it behind or nothing. */
const trip = (bugs: readonly string[], pairs: boolean): Promise<Exploration> =>
  explore({ faults: FAULTS, pairs }, ({ plan, sees }) =>
    inWorld({ bugs }, async (world) => {
      const bad = faultyFetch({ plan, clock: world.clock, fetch: world.services.fetch, onPassing: sees });
      world.network = bad.fetch;
      const ann = await logIn(world, 'ann');
      const accepted = await ann('POST', '/trips', order);
      if (accepted.status !== 202) return [accepted.status, await standing(world)];
      const monitor = monitorOf(accepted);
      for (let look = 0; look < 300; look++) {
        await world.clock.sleep(1000);
        const told: Body = await bodyOf(await ann('GET', monitor));
        const is = String(told['status']);
        if (['queued', 'running', 'cancelling'].includes(is)) continue;
        const left = await standing(world);
        const wanted = is === 'succeeded' ? ALL : [];
        if (left.join() !== wanted.join()) throw new Error(`${is}, and left: ${left.join() || 'nothing'}`);
        await bad.close();
        return [is, left];
      }
      throw new Error('it does not end');
    }),
  );

describe('a trip', () => {
  test('that is right withstands every fault and every pair', async () => {
    const told = await trip([], true);
    expect(told.findings.map(({ plan, error }) => [plan.entries.map(({ id }) => id), (error as Error).message])).toEqual([]);
    expect(told.points).toHaveLength(5);
    expect(told.singles).toMatchObject({ possible: 25, tried: 25, left: 0 });
    const { possible, tried, broken, same, left } = told.pairs;
    expect([tried + broken + same + left, left, broken]).toEqual([possible, 0, 0]);
    expect(told.discovered.length).toBeGreaterThan(3);
    console.log(JSON.stringify({ ...told, points: 0, discovered: told.discovered.length }));
  });

  test.each([
    'orphan-payment',
    'undo-fire-and-forget',
    'undone-in-order',
    'failed-before-undone',
    'timeout-as-refusal',
    'refusal-swallowed',
    'noted-afterwards',
    'noted-before-booked',
    'new-key-each-try',
    'deadline-not-passed-on',
  ])('%s is found', async (bug) => {
    const told = await trip([bug], true);
    console.log(
      bug,
      told.runs,
      told.findings
        .slice(0, 3)
        .map(({ plan, error }) => `${plan.entries.map(({ id }) => id).join(' + ')}: ${(error as Error).message}`),
    );
    expect(told.findings.length).toBeGreaterThan(0);
  });
});
