import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compare, MAX_DIFFERENCES, MAX_DIFFERENCES_TOLD, type Likeness } from '../../../src/logic/compare.ts';
import { isLost, recorded, restored } from '../../../src/logic/expected.ts';
import { plain } from '../../../src/trace/index.ts';
import { law } from '../../setup/law.ts';

/** Few values, so that equal ones are found, of every kind that the two sides may hold. */
const PLAIN = [
  0,
  -0,
  1,
  Number.NaN,
  '',
  'a',
  true,
  null,
  undefined,
  7n,
  new Date(0),
  new Date(1),
  new Date(Number.NaN),
  /a/g,
  /a/i,
  new URL('http://a.test/'),
  new Uint8Array([1, 2]),
  new Uint8Array([1, 3]),
  new Error('a'),
  new TypeError('a'),
  new Error('b', { cause: 1 }),
  Object(1),
] as const;
/** In a set Vitest lets one of them stand for several, so that sets of other things are equal to it. */
const inSets = fc.constantFrom<unknown>(...PLAIN);
const leaf = fc.constantFrom<unknown>(
  ...PLAIN,
  expect.any(Number),
  expect.anything(),
  expect.stringContaining('a'),
  expect.objectContaining({ a: 1 }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
    fc.array(fc.tuple(inSets, tie('value')), { maxLength: 2 }).map((pairs) => new Map(pairs)),
    fc.array(inSets, { maxLength: 3 }).map((items) => new Set(items)),
    fc
      .dictionary(fc.constantFrom('a', 'b'), tie('value'), { maxKeys: 2 })
      .map((members) => Object.assign(new Something(), members)),
  ),
}));

class Something {
  readonly a = 1;
}

/** A copy with a change here and there, so that both sides are often nearly equal. */
const pair = fc.oneof(
  fc.tuple(value, value),
  value.map((one) => [one, changed(one, 0)] as const),
  fc.tuple(value, fc.nat(6)).map(([one, at]) => [one, changed(one, at)] as const),
);

function changed(given: unknown, at: number): unknown {
  let left = at;
  const copy = (one: unknown): unknown => {
    if (at > 0 && --left === 0) return 'changed';
    if (Array.isArray(one)) return one.map(copy);
    if (one instanceof Map) return new Map([...one].map(([key, inner]: [unknown, unknown]) => [key, copy(inner)]));
    if (one instanceof Set) return new Set([...one].map(copy));
    if (typeof one === 'object' && one !== null && Object.getPrototypeOf(one) === Object.prototype)
      return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, copy(inner)]));
    return one;
  };
  return copy(given);
}

function passes(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

const isAlike = (expected: unknown, received: unknown, likeness: Likeness): boolean =>
  compare(expected, received, likeness) === undefined;

describe('compare', () => {
  test('says equal where toEqual does, and only there', () => {
    let alike = 0;
    law(
      pair,
      ([expected, received]) => {
        const equal = passes(() => expect(received).toEqual(expected));
        alike += equal ? 1 : 0;
        expect(isAlike(expected, received, 'equal')).toBe(equal);
      },
      3000,
    );
    expect(alike).toBeGreaterThan(300);
  });

  test('says subset where toMatchObject does, for what JSON knows', () => {
    const json = fc.oneof(
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 2 })),
      fc.array(fc.dictionary(fc.constantFrom('a', 'b'), fc.jsonValue({ maxDepth: 1 })), { maxLength: 2 }),
    );
    law(
      fc.tuple(json, json, fc.boolean()),
      ([one, other, joined]) => {
        const received = joined && !Array.isArray(one) && !Array.isArray(other) ? { ...other, ...one } : other;
        expect(isAlike(one, received, 'subset')).toBe(passes(() => expect(received).toMatchObject(one)));
      },
      1000,
    );
  });

  test('counts a place for each that differs, and tells of no more than so many', () => {
    law(fc.tuple(fc.array(fc.nat(3), { maxLength: 150 }), fc.array(fc.nat(3), { maxLength: 150 })), ([a, b]) => {
      const differ = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).filter((i) => a[i] !== b[i]).length;
      const found = compare(a, b, 'equal');
      expect(found?.count ?? 0).toBe(Math.min(differ, MAX_DIFFERENCES));
      expect(found?.first.length ?? 0).toBe(Math.min(differ, MAX_DIFFERENCES_TOLD));
    });
  });

  test('goes round in a circle once', () => {
    const circle = (n: number): Record<string, unknown> => {
      const one: Record<string, unknown> = { n };
      one['self'] = one;
      return one;
    };
    expect(compare(circle(1), circle(1), 'equal')).toBeUndefined();
    expect(compare(circle(1), circle(2), 'equal')?.first).toEqual([{ path: 'n', expected: '1', received: '2' }]);
  });
});

describe('what is expected, as a recording keeps it', () => {
  test('is lost or reads back the same, and is equal to what it was', () => {
    let kept = 0;
    law(value, (one) => {
      const record = recorded(one);
      expect(JSON.parse(JSON.stringify(record))).toEqual(record);
      expect(plain(record)).toEqual(record);
      if (isLost(record)) return;
      kept++;
      expect(isAlike(restored(JSON.parse(JSON.stringify(record))), one, 'equal')).toBe(true);
    });
    expect(kept).toBeGreaterThan(10);
  });
});
