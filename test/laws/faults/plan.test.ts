/** The laws of a plan: one seed, one course; no entry shifts another; it ends healed; what struck can be pinned. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  begin,
  brownOut,
  corrupt,
  latency,
  lostResponse,
  parsePlan,
  pinned,
  plan,
  status,
  type Aim,
  type Entry,
  type Passing,
  type Plan,
} from '../../../src/faults/index.ts';
import { virtualClock } from '../../../src/time/index.ts';
import { createTrace, type Trace } from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';

const routes = ['GET /a', 'POST /a', 'GET /b/1', 'GET /b/2'] as const;
const passing = (route: string): Passing => {
  const [method, path] = route.split(' ');
  return { method, path };
};

const aims: fc.Arbitrary<Aim> = fc.record(
  {
    where: fc.constantFrom('**', 'GET /a', 'GET /b/*', 'POST /a'),
    nth: fc.oneof(fc.nat(5), fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 })),
    every: fc.integer({ min: 1, max: 4 }),
    times: fc.integer({ min: 1, max: 3 }),
    probability: fc.constantFrom(0, 0.3, 0.7, 1),
    from: fc.constantFrom(0, 30),
    until: fc.constantFrom(40, 1000),
  },
  { requiredKeys: [] },
);
const entries: fc.Arbitrary<Entry> = fc
  .tuple(fc.constantFrom('latency', 'lost', 'status', 'corrupt', 'brownOut'), aims)
  .map(([kind, aim]) => {
    if (kind === 'latency') return latency({ ms: 50, jitter: 40, ...aim });
    if (kind === 'lost') return lostResponse(aim);
    if (kind === 'status') return status(aim);
    return kind === 'corrupt' ? corrupt(aim) : brownOut({ share: 0.5, ...aim });
  });
const courses = fc.array(fc.tuple(fc.constantFrom(...routes), fc.constantFrom(0, 10)), { maxLength: 20 });
type Course = readonly (readonly [route: string, after: number])[];

/** What is done to each that passes, by the ids of the entries. */
async function done(what: Plan, course: Course, trace?: Trace): Promise<readonly (readonly (readonly [string, unknown])[])[]> {
  return (await ran(what, course, trace)).told;
}

async function ran(what: Plan, course: Course, given?: Trace) {
  const clock = virtualClock();
  const trace = given ?? createTrace({ clock });
  const run = begin(what, { clock, trace, source: 'proxy' });
  const told: (readonly (readonly [string, unknown])[])[] = [];
  for (const [route, after] of course) {
    await clock.advance(after);
    const struck = run.strike(passing(route));
    told.push(struck.harms.map(({ id, action }) => [id, action] as const));
    if (after > 0) struck.done();
  }
  return { told, run, trace };
}

const lawOf = fc.tuple(fc.array(entries, { maxLength: 5 }), entries, courses, fc.nat(1000));
const checked = async (holds: (drawn: [readonly Entry[], Entry, Course, number]) => Promise<void>): Promise<void> =>
  fc.assert(fc.asyncProperty(lawOf, holds), { seed: 20_260_801, numRuns: 150 });

describe('a plan', () => {
  test('does the same from the same seed, also when it was written down and read', () =>
    checked(async ([list, , course, seed]) => {
      const one = plan({ seed, until: 500 }, ...list);
      const again = parsePlan(JSON.parse(JSON.stringify(one))).plan!;
      expect(again).toEqual(one);
      expect(await done(again, course)).toEqual(await done(one, course));
    }));

  test('no entry shifts what another does', () =>
    checked(async ([list, more, course, seed]) => {
      const named = plan({ seed }, ...list);
      const extra = { ...more, id: 'extra' };
      for (const at of [0, list.length]) {
        const grown = { ...named, entries: [...named.entries.slice(0, at), extra, ...named.entries.slice(at)] };
        const told = (await done(grown, course)).map((harms) => harms.filter(([id]) => id !== 'extra'));
        expect(told).toEqual(await done(named, course));
      }
    }));

  test('ends healed: every harm that is told is told to be over, and none is done after the end', () =>
    checked(async ([list, , course, seed]) => {
      const { run, trace } = await ran(plan({ seed, until: 60 }, ...list), course);
      run.heal();
      const open = new Map<string, number>();
      expect(trace.observations.filter((o) => o.kind === 'fault' && o.at >= 60)).toEqual([]);
      for (const o of trace.observations) {
        if (o.kind === 'fault') open.set(o.fault, 1);
        if (o.kind === 'healed') open.delete(o.fault);
      }
      expect([...open.keys()]).toEqual([]);
      expect(run.strike(passing('GET /a')).harms).toEqual([]);
    }));

  test('pinned to what it struck, it strikes the same in the same way', () =>
    checked(async ([list, , course, seed]) => {
      const { told, run } = await ran(plan({ seed }, ...list), course);
      const exact = pinned(run);
      expect(exact.entries.every(({ when }) => when.probability === undefined)).toBe(true);
      const strip = (all: Awaited<ReturnType<typeof done>>): unknown => all.map((harms) => harms.map(([, action]) => action));
      // In the order of the entries there, in the order of the strikes here.
      const sorted = (all: unknown): unknown =>
        (all as unknown[][]).map((one) => one.map((action) => JSON.stringify(action)).sort());
      expect(sorted(strip(await done(exact, course)))).toEqual(sorted(strip(told)));
    }));

  test('strikes when it is told to', () =>
    law(aims, (aim) => {
      const clock = virtualClock();
      const run = begin(plan({ seed: 1 }, status(aim)), { clock, trace: createTrace({ clock }), source: 'proxy' });
      const hit = Array.from({ length: 12 }, () => run.strike(passing('GET /a')).harms.length > 0);
      const struck = hit.flatMap((one, n) => (one ? [n] : []));
      const { where = '**', nth, every = 1, times = 12, probability = 1, from } = aim;
      const may = [...hit.keys()].filter(
        (n) =>
          (where === '**' || where === 'GET /a') &&
          (nth === undefined || [nth].flat().includes(n)) &&
          (n + 1) % every === 0 &&
          from !== 30 &&
          probability > 0,
      );
      expect(may).toEqual(expect.arrayContaining(struck));
      expect(struck.length).toBeLessThanOrEqual(times);
      expect(struck).toEqual(expect.arrayContaining(probability === 1 ? may.slice(0, times) : []));
    }));
});

describe('a planted bug is found', () => {
  test('draws from one stream shift each other', async () => {
    // What a plan would do that drew from one stream: the same entries, the streams numbered by their place.
    const shared = (list: readonly Entry[]): Plan => ({
      ...plan({ seed: 1 }, ...list),
      entries: plan({ seed: 1 }, ...list).entries.map((entry, i) => ({ ...entry, draws: String(i) })),
    });
    const late = latency({ ms: 100, jitter: 100, id: 'late' });
    const alone = await done(shared([late]), [['GET /a', 0]]);
    const second = await done(shared([lostResponse({ id: 'lost' }), late]), [['GET /a', 0]]);
    expect(second[0]!.filter(([id]) => id === 'late')).not.toEqual(alone[0]);
  });
});
