import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Alarms, virtualClock } from '../../../src/time/index.ts';
import { lawAsync } from '../../setup/law.ts';

/** What is done to the alarms, one thing after another. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), ms: fc.integer({ min: 0, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('clear' as const), which: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.double({ min: 0, max: 15, noNaN: true }) }) },
);

describe('alarms', () => {
  test('ring once, in order of their moments then of their setting, unless they were let go; and leave nothing behind', async () => {
    await lawAsync(fc.array(step, { maxLength: 60 }), async (steps) => {
      const clock = virtualClock();
      const alarms = Alarms.of(clock);
      const rung: [number: number, at: number][] = [];
      const set: { alarm: object; at: number; letGo?: number }[] = [];
      for (const one of steps) {
        if (one.do === 'set') {
          const number = set.length;
          const at = clock.now() + one.ms;
          set.push({ alarm: alarms.set(one.ms, { ring: () => void rung.push([number, clock.now()]) }), at });
        } else if (one.do === 'clear') {
          const found = set[one.which % Math.max(1, set.length)];
          if (found === undefined) continue;
          alarms.clear(found.alarm);
          found.letGo ??= clock.now();
        } else {
          await clock.advance(one.ms);
        }
      }
      await clock.advance(100);
      const expected = set
        .map((one, number) => ({ ...one, number }))
        .filter(({ at, letGo }) => letGo === undefined || letGo >= at + 0.01)
        .toSorted((a, b) => a.at - b.at || a.number - b.number);
      // What was let go within a hair of its moment may have rung before.
      const sure = rung.filter(([number]) => {
        const { at, letGo } = set[number]!;
        return letGo === undefined || letGo >= at + 0.01;
      });
      expect(sure.map(([number]) => number)).toEqual(expected.map(({ number }) => number));
      for (const [number, at] of rung) expect(Math.abs(at - set[number]!.at)).toBeLessThan(0.01);
      expect(new Set(rung.map(([number]) => number)).size).toBe(rung.length);
      expect(clock.pending.count).toBe(0);
    });
  });

  test('a thousand of a clock take one timer, and none when they are let go', () => {
    const clock = virtualClock();
    const alarms = Alarms.of(clock);
    const set = Array.from({ length: 1000 }, (_, i) => alarms.set(4000 + (i % 7), { ring: () => undefined }));
    expect(clock.pending).toEqual({ count: 1, next: 4000 });
    for (const alarm of set.slice(1)) alarms.clear(alarm);
    expect(clock.pending.count).toBe(1);
    for (const alarm of set) alarms.clear(alarm);
    expect(clock.pending.count).toBe(0);
  });

  test('one that is due at no moment rings at once, and keeps no other from ringing', async () => {
    const clock = virtualClock();
    const alarms = Alarms.of(clock);
    const rung: string[] = [];
    alarms.set(Number.NaN, { ring: () => void rung.push('NaN') });
    alarms.set(-5, { ring: () => void rung.push('before') });
    alarms.set(5, { ring: () => void rung.push('five') });
    await clock.advance(10);
    expect(rung).toEqual(['NaN', 'before', 'five']);
  });

  test('one that is set or let go while others ring', async () => {
    const clock = virtualClock();
    const alarms = Alarms.of(clock);
    const rung: string[] = [];
    alarms.set(10, {
      ring: () => {
        rung.push('first');
        alarms.clear(later);
        alarms.set(0, { ring: () => void rung.push('from within') });
      },
    });
    const later = alarms.set(20, { ring: () => void rung.push('let go') });
    alarms.set(10, { ring: () => void rung.push('second') });
    await clock.advance(30);
    expect(rung).toEqual(['first', 'second', 'from within']);
    expect(clock.pending.count).toBe(0);
  });
});
