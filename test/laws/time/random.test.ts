import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freshSeed, seeded, type Random } from '../../../src/time/index.ts';
import { law } from '../../setup/law.ts';

const take = (random: Random, n = 8): number[] => Array.from({ length: n }, () => random.next());
const seed = fc.oneof(fc.integer(), fc.string());

describe('a seeded stream', () => {
  test('is the same for the same seed, whether given as a number or its text', () => {
    law(seed, (s) => expect(take(seeded(s))).toEqual(take(seeded(String(s)))));
    expect(take(seeded(42), 3)).not.toEqual(take(seeded(43), 3));
  });

  test('stays the same from release to release: a counterexample printed today replays tomorrow', () => {
    expect(seeded(42).hex(8)).toBe(seeded('42').hex(8));
    expect({ hex: seeded(42).hex(8), int: seeded('x').int(1, 1_000_000), fork: seeded(42).fork('jitter').hex(4) }).toEqual({
      hex: '1d0a52e7e8fcd211',
      int: 668_413,
      fork: '39d43dc2',
    });
  });

  test('a fork depends on seed and label alone, never on what was drawn before', () => {
    law(fc.tuple(seed, fc.string(), fc.nat(20)), ([s, label, draws]) => {
      const used = seeded(s);
      take(used, draws);
      used.fork('another').next();
      expect(take(used.fork(label))).toEqual(take(seeded(s).fork(label)));
    });
  });

  test('forking draws nothing from the parent', () => {
    law(fc.tuple(seed, fc.string()), ([s, label]) => {
      const parent = seeded(s);
      take(parent.fork(label));
      expect(take(parent)).toEqual(take(seeded(s)));
    });
  });

  test('different labels, seeds, and parent and child give different streams', () => {
    law(fc.tuple(seed, fc.uniqueArray(fc.string(), { minLength: 2, maxLength: 2 })), ([s, labels]) => {
      const [a, b] = labels as [string, string];
      expect(take(seeded(s).fork(a))).not.toEqual(take(seeded(s).fork(b)));
      expect(take(seeded(s).fork(a))).not.toEqual(take(seeded(s)));
      expect(take(seeded(a))).not.toEqual(take(seeded(b)));
    });
    expect(seeded('s').fork('a').fork('b').next()).toBe(seeded('s').fork('a').fork('b').next());
    expect(seeded('s').fork('a').fork('b').next()).not.toBe(seeded('s').fork('b').fork('a').next());
  });

  test('tells its seed, also of a fork, so that it can be replayed', () => {
    law(fc.tuple(seed, fc.string()), ([s, label]) => {
      const fork = seeded(s).fork(label);
      expect(take(seeded(fork.seed))).toEqual(take(fork));
    });
  });

  test('keeps to its ranges', () => {
    law(
      fc.tuple(seed, fc.integer({ min: -1000, max: 1000 }), fc.nat(50)),
      ([s, min, width]) => {
        const random = seeded(s);
        for (let i = 0; i < 50; i++) {
          const fraction = random.next();
          expect(fraction >= 0 && fraction < 1).toBe(true);
          const n = random.int(min, min + width);
          expect(Number.isInteger(n) && n >= min && n <= min + width).toBe(true);
        }
        expect(random.chance(0)).toBe(false);
        expect(random.chance(1)).toBe(true);
        expect(random.int(min, min)).toBe(min);
        expect(random.hex(width)).toMatch(new RegExp(`^[0-9a-f]{${2 * width}}$`));
      },
      50,
    );
  });

  test('reaches both ends of a range and every item', () => {
    const random = seeded(1);
    expect(new Set(Array.from({ length: 200 }, () => random.int(3, 6)))).toEqual(new Set([3, 4, 5, 6]));
    expect(new Set(Array.from({ length: 200 }, () => random.pick(['a', 'b', 'c'])))).toEqual(new Set(['a', 'b', 'c']));
  });

  test('a shuffle is a permutation in a new list', () => {
    law(fc.tuple(seed, fc.array(fc.nat())), ([s, items]) => {
      const before = [...items];
      const shuffled = seeded(s).shuffle(items);
      expect(items).toEqual(before);
      expect(shuffled).not.toBe(items);
      expect([...shuffled].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
    });
  });

  test.each<[string, number, (random: Random) => number]>([
    ['next, in 16 boxes', 16, (random) => Math.floor(random.next() * 16)],
    ['the low bits of next', 16, (random) => Math.floor(random.next() * 2 ** 40) % 16],
    ['int', 16, (random) => random.int(0, 15)],
    ['the first draw of neighbouring forks', 16, (random) => Math.floor(random.fork(String(random.next())).next() * 16)],
    ['chance 0.5', 2, (random) => Number(random.chance(0.5))],
    ['the first of a shuffle of 4', 4, (random) => random.shuffle([0, 1, 2, 3])[0]!],
    ['the last of a shuffle of 4', 4, (random) => random.shuffle([0, 1, 2, 3])[3]!],
    ['hex digits', 16, (random) => Number.parseInt(random.hex(1)[0]!, 16)],
  ])('is coarsely uniform: %s', (_name, boxes, draw) => {
    const random = seeded('uniform');
    const counts = Array.from({ length: boxes }, () => 0);
    const n = 8000;
    for (let i = 0; i < n; i++) counts[draw(random)]!++;
    const expected = n / boxes;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // Far above the 99.99th percentile for up to 15 degrees of freedom (44.3), so that only a broken generator fails.
    expect(chiSquare).toBeLessThan(50);
  });

  test('a fresh seed is short, and another each time', () => {
    const seeds = Array.from({ length: 20 }, () => freshSeed());
    expect(new Set(seeds).size).toBe(20);
    for (const fresh of seeds) expect(fresh).toMatch(/^[0-9a-z]{1,7}$/);
  });
});
