/** The demo's saga, explored: all single faults and all pairs of what it calls, and the planted bugs that they find. */
import { describe, expect, test } from 'vitest';
import * as bugs from '../../../src/demo/bugs/index.ts';
import { describeExploration, explore, type Exploration, type ExploreOptions, type Harmed } from '../../../src/explore/index.ts';
import type { Plan } from '../../../src/faults/index.ts';
import { faultyFetch } from '../../../src/inject/index.ts';
import { FAULTS, tripOnce } from './saga.ts';

/** A trip in a world of its own, harmed in process. */
const trip = (planted: readonly string[], options: ExploreOptions = {}): Promise<Exploration> =>
  explore({ faults: FAULTS, ...options }, ({ plan, sees }) => once(planted, plan, sees));

const once = (planted: readonly string[], plan: Plan, sees?: Harmed['sees']): Promise<unknown> =>
  tripOnce(planted, plan, ({ clock, services }) => faultyFetch({ plan, clock, fetch: services.fetch, onPassing: sees }));

const told = ({ findings }: Exploration): readonly string[] =>
  findings.map(
    ({ plan, error }) =>
      `${plan.entries.map(({ id }) => id.replace(/http.*\/trip_\w+/, '')).join(' + ')}: ${(error as Error).message}`,
  );

// Some two hundred worlds each.
describe('a trip', { timeout: 60_000 }, () => {
  test('that is right withstands every fault and every pair', async () => {
    const found = await trip([]);
    expect(told(found)).toEqual([]);
    expect(found.points).toHaveLength(5);
    expect(found.singles).toEqual({ possible: 25, tried: 25, broken: 0, same: 0, left: 0 });
    const { possible, tried, broken, same, left } = found.pairs;
    expect([tried + broken + same + left, left, broken]).toEqual([possible, 0, 0]);
    expect(describeExploration(found)).toMatchInlineSnapshot(`
      "explored 5 exchanges in 177 runs: nothing broke
        single faults  25 of 25 tried
        pairs          150 of 250 tried, 100 are the same as another’s
        not reached    130 pairs whose second exchange never came once the first was harmed
        discovered     8 exchanges that only a fault brings about"
    `);
  });

  /** What is found first of each, and in how many runs. */
  const FOUND: Readonly<Record<string, string>> = {
    'failed-before-undone': 'refusal PUT .hotel @0 + reset DELETE .hotel @0: failed, and left: seat',
    'orphan-payment': 'lostResponse PUT .flight @0 + refusal PUT .flight @1: failed, and left: seat',
    'undo-fire-and-forget': 'refusal PUT .hotel @0 + reset DELETE .flight @0: failed, and left: seat',
    'undone-in-order': 'refusal PUT .hotel @0: undone in the order seat,hotel',
  };

  test('every planted bug of what is undone is tried', () => {
    const names = Object.values(bugs).flatMap(({ name, family }) => (family === 'compensation' ? [name] : []));
    expect(names.sort()).toEqual(Object.keys(FOUND).sort());
  });

  test.each(Object.entries(FOUND))('with the bug %s breaks by no more than two faults: %s', async (bug, first) => {
    const found = await trip([bug]);
    expect(told(found)[0]).toBe(first);
    // Each is found again by its plan, every time.
    const { plan } = found.findings[0]!;
    for (let i = 0; i < 20; i++) await expect(once([bug], plan)).rejects.toThrow(first.split(': ')[1]);
    await expect(once([], plan)).resolves.toBeDefined();
  });

  test.each([
    ['timeout-as-refusal', 'reset PUT .flight @0: failed, though nobody said no'],
    ['new-key-each-try', 'lostResponse PUT .flight @0: succeeded, and left: payment,seat,seat,hotel,car'],
  ])('with the bug %s breaks by a single fault: %s', async (bug, first) => {
    expect(told(await trip([bug], { pairs: false }))[0]).toBe(first);
  });
});
