import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Parts } from '../../../src/logic/parts.ts';
import { law } from '../../setup/law.ts';

const entry = fc.record({
  key: fc.oneof(
    fc.nat(40).map((n) => `m${n}`),
    fc.constantFrom('', '__proto__', 'constructor'),
  ),
  by: fc.option(fc.nat(50), { nil: undefined }),
});

test('is a map that is never changed, and knows its earliest deadline', () => {
  law(fc.tuple(fc.array(entry, { maxLength: 80, size: 'max' }), fc.nat(50)), ([entries, at]) => {
    let parts = new Parts<{ by: number | undefined }>(({ by }) => by);
    const map = new Map<string, { by: number | undefined }>();
    const kept: [typeof parts, number][] = [];
    for (const { key, by } of entries) {
      kept.push([parts, map.size]);
      parts = parts.with(key, { by });
      map.set(key, { by });
    }
    const deadlines = [...map.values()].flatMap(({ by }) => (by === undefined ? [] : [by]));
    expect(parts.by).toBe(deadlines.length === 0 ? undefined : Math.min(...deadlines));
    for (const [key, value] of map) expect(parts.get(key)).toEqual(value);
    expect([...parts.values()]).toHaveLength(map.size);
    // Of all that are overdue none is left out; of the others some may be told too.
    const overdue = new Map(parts.overdue(at));
    expect([...map].filter(([key, { by }]) => by !== undefined && at > by && !overdue.has(key))).toEqual([]);
    // Those before it are as they were.
    for (const [before, size] of kept) expect([...before.values()]).toHaveLength(size);
  });
});
