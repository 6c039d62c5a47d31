import { describe, expect, test } from 'vitest';
import { compare, MAX_PAIRS } from '../../../src/logic/compare.ts';

interface Item {
  readonly id: number;
  readonly at: Date;
  readonly tags: readonly string[];
}

const items = (from: number, n = 1500): Item[] =>
  Array.from({ length: n }, (_, i) => ({ id: from + i, at: new Date(from + i), tags: [`tag ${from + i}`] }));

/** How many values are looked at: each has a member that counts. */
function counting(values: readonly Item[]): { readonly counted: readonly Item[]; readonly looks: () => number } {
  let looks = 0;
  const counted = values.map((value) =>
    Object.defineProperty({ ...value }, 'id', { enumerable: true, get: () => (looks++, value.id) }),
  );
  return { counted, looks: () => looks };
}

describe('large sets and maps of objects', () => {
  test('are alike in whatever order, at a cost that grows with their size', () => {
    const { counted, looks } = counting(items(0));
    expect(compare(new Set(items(0)), new Set(counted.toReversed()), 'equal')).toBeUndefined();
    expect(
      compare(new Map(items(0).map((key) => [key, key.id])), new Map(counted.toReversed().map((key) => [key, key.id])), 'equal'),
    ).toBeUndefined();
    expect(looks()).toBeLessThan(30 * 1500);
  });

  test('differ at a cost that has a bound', () => {
    const { counted, looks } = counting(items(5000));
    expect(compare(new Set(items(0)), new Set(counted), 'equal')).toMatchObject({ count: 100 });
    expect(looks()).toBeLessThan(2 * MAX_PAIRS);
    expect(compare(new Map(items(0).map((key) => [key, 1])), new Map(counted.map((key) => [key, 1])), 'equal')).toMatchObject({
      count: 100,
    });
    expect(looks()).toBeLessThan(4 * MAX_PAIRS);
  });

  test('of which one differs are told so', () => {
    const other = [...items(0, 1499), { id: -1, at: new Date(0), tags: [] }];
    expect(compare(new Set(items(0)), new Set(other), 'equal')).toMatchObject({ count: 2 });
  });

  test('may hold what JSON writes otherwise, or the same though it is not', () => {
    const alike = [new Set([new Set([1]), /a/, new Map([[{ a: 1 }, 2]]), { n: 1n }, { gone: undefined }, expect.any(String)])];
    const other = [new Set([new Map([[{ a: 1 }, 2]]), new Set([1]), {}, 'a text', { n: 1n }, /a/])];
    expect(compare(alike, other, 'equal')).toBeUndefined();
    const moment = new Date(0);
    expect(compare(new Set([{ at: moment }]), new Set([{ at: moment.toJSON() }]), 'equal')).toMatchObject({ count: 2 });
    expect(compare(new Set([{ n: Number.NaN }]), new Set([{ n: null }]), 'equal')).toMatchObject({ count: 2 });
  });
});
