/** The laws of shrinking: what is found still fails, nothing of it can be left out, and it says whether it always does. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  begin,
  latency,
  lostResponse,
  plan,
  saysWhere,
  shrink,
  status,
  type Outcome,
  type Plan,
  type Strike,
} from '../../../src/faults/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace } from '../../../src/trace/index.ts';

const ROUTES = ['POST /orders', 'GET /orders/1', 'POST /pay', 'GET /mail'];

/** A system that is broken by all of these at once: each a fault and whom it strikes. */
function system(needs: readonly string[], calls = 6) {
  let runs = 0;
  const run = async (what: Plan): Promise<Outcome> => {
    runs++;
    const clock = virtualClock();
    const course = begin(what, { clock, trace: createTrace({ clock }), source: 'proxy' });
    const hit = new Set<string>();
    for (let n = 0; n < calls; n++) {
      for (const route of ROUTES) {
        const [method, path] = route.split(' ');
        for (const { fault } of course.strike({ method, path }).harms) hit.add(`${fault} ${route} ${n}`);
      }
    }
    return { fails: needs.every((need) => hit.has(need)), strikes: course.strikes };
  };
  return { run, runs: () => runs };
}

const storm = (seed: number): Plan =>
  plan({ seed }, ...ROUTES.flatMap((where) => [lostResponse({ where, probability: 0.7 }), status({ where, probability: 0.7 })]));

const struckBy = (strikes: readonly Strike[]): string[] =>
  strikes.map(({ entry, nth }) => `${entry.fault} ${saysWhere(entry.where)} ${nth}`);

describe('shrinking', () => {
  test('finds just what is needed, one by one, and says how often it fails', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(500), fc.integer({ min: 1, max: 3 }), fc.nat(), async (seed, many, from) => {
        const all = struckBy((await system([]).run(storm(seed))).strikes);
        const needs = Array.from({ length: many }, (_, i) => all[(from + i * 7) % all.length]!);
        const { run, runs } = system(needs);
        const found = (await shrink(storm(seed), run))!;
        const left = found.plan.entries.map(({ fault, where, when }) => `${fault} ${saysWhere(where)} ${when.nth?.[0]}`);
        expect(left.sort()).toEqual([...new Set(needs)].sort());
        expect(found).toMatchObject({ failed: 5, of: 5, isSure: true });
        expect(found.runs).toBe(runs());
        expect(found.gaveUp).toBeUndefined();
      }),
      { seed: 20_260_801, numRuns: 40 },
    ));

  test('a plan that does not fail is not shrunk', async () => {
    const { run, runs } = system(['lostResponse POST /orders 9']);
    expect(await shrink(storm(1), run)).toBeUndefined();
    expect(runs()).toBe(1);
  });

  test('makes what is left as mild as still fails', async () => {
    const slow = async (what: Plan): Promise<Outcome> => {
      const clock = virtualClock();
      const course = begin(what, { clock, trace: createTrace({ clock }), source: 'proxy' });
      const waited = course.strike({ method: 'GET', path: '/' }).harms.map(({ action }) => ('ms' in action ? action.ms : 0));
      return { fails: waited.reduce((sum, ms) => sum + ms, 0) >= 400, strikes: course.strikes };
    };
    const found = await shrink(plan({ seed: 3 }, latency({ ms: '1s', jitter: '200ms' }), latency({ ms: 10 })), slow);
    expect(found?.plan.entries.map(({ args }) => args)).toEqual([
      { ms: 500, jitter: 0, distribution: 'uniform', side: 'response' },
    ]);
  });

  test('says that it is flaky, and how often it fails', async () => {
    let n = 0;
    const { run } = system(['lostResponse POST /orders 0']);
    const flaky = async (what: Plan): Promise<Outcome> => {
      const told = await run(what);
      return { ...told, fails: told.fails && n++ % 2 === 0 };
    };
    const found = (await shrink(plan({ seed: 1 }, lostResponse({ where: 'POST /orders', nth: 0 })), flaky, { confirm: 10 }))!;
    expect(found).toMatchObject({ failed: 5, of: 10, isSure: false });
  });

  test('stops when its runs are spent, and says so', async () => {
    const all = struckBy((await system([]).run(storm(5))).strikes);
    const { run } = system(all.slice(0, 4));
    const found = (await shrink(storm(5), run, { runs: 6, confirm: 1 }))!;
    expect(found).toMatchObject({ runs: 7, gaveUp: 'runs', isSure: true });
  });
});
