import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import { formatDuration, MAX_DURATION_MS, parseDuration, type Duration } from '../../../src/time/index.ts';
import { law } from '../../setup/law.ts';

describe('parseDuration', () => {
  test.each<[Duration, number]>([
    [0, 0],
    [20, 20],
    [0.5, 0.5],
    ['0ms', 0],
    ['250ms', 250],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['0.5m', 30_000],
    ['1.005s', 1005],
    ['1.1h', 3_960_000],
    ['0.0001ms', 0.0001],
    ['1h', 3_600_000],
    ['8760h', MAX_DURATION_MS],
    [MAX_DURATION_MS, MAX_DURATION_MS],
  ])('%j is %d ms', (duration, ms) => {
    expect(parseDuration(duration)).toBe(ms);
  });

  test.each<[unknown, string, string | undefined]>([
    ['5 parsecs', 'received "5 parsecs"', undefined],
    ['5 sec', 'received "5 sec"', "did you mean '5s'?"],
    ['5sec', 'received "5sec"', "did you mean '5s'?"],
    [' 5s', 'received " 5s"', "did you mean '5s'?"],
    ['5S', 'received "5S"', "did you mean '5s'?"],
    ['2 Minutes', 'received "2 Minutes"', "did you mean '2m'?"],
    ['1.5hrs', 'received "1.5hrs"', "did you mean '1.5h'?"],
    ['20 millis', 'received "20 millis"', "did you mean '20ms'?"],
    ['5d', 'received "5d"', undefined],
    ['-5s', 'received "-5s"', undefined],
    ['.5s', 'received ".5s"', undefined],
    ['1e3ms', 'received "1e3ms"', undefined],
    ['1h30m', 'received "1h30m"', undefined],
    ['500', 'received "500"', undefined],
    ['', 'received ""', undefined],
    [-1, 'received -1', undefined],
    [Number.NaN, 'received NaN', undefined],
    [Number.POSITIVE_INFINITY, 'received Infinity', undefined],
    [undefined, 'received nothing', undefined],
    [null, 'received null', undefined],
    [{ s: 5 }, 'received {"s":5}', undefined],
    [5n, 'received 5n', undefined],
  ])('refuses %s, says where it stood and how to write it', (duration, received, suggestion) => {
    const error = refusal(() => parseDuration(duration as Duration, 'within'));
    expect(error.code).toBe('invalid-duration');
    expect(error.message).toContain(`within: expected a duration, ${received}`);
    expect(error.hint).toContain("'500ms', '5s', '2m', '1h'");
    expect(/did you mean .*$/.exec(error.hint)?.[0]).toBe(suggestion);
  });

  test('refuses more than a year, as a slip of the unit', () => {
    for (const duration of [MAX_DURATION_MS + 1, '8761h', '1e400s' as Duration]) {
      expect(refusal(() => parseDuration(duration as Duration, 'within')).code).toBe('invalid-duration');
    }
    const error = refusal(() => parseDuration('10000h', 'for'));
    expect(error.message).toContain('for: "10000h" is 417 days, longer than the 365 that are accepted');
    expect(error.hint).toContain('"30s"');
  });

  test('law: a number with its unit is that number times the unit, or refused beyond a year', () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
    law(fc.tuple(fc.nat(100_000), fc.constantFrom('ms', 's', 'm', 'h')), ([n, unit]) => {
      const ms = n * units[unit];
      const outcome = attempt(() => parseDuration(`${n}${unit}`));
      expect(ms > MAX_DURATION_MS ? outcome instanceof HarnessError : outcome === ms).toBe(true);
    });
  });

  test('law: any text is read or refused as a HarnessError, never with another error or a guess', () => {
    law(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,12}(\.\d{1,9})?\s?[a-z]{0,4}$/)), (text) => {
      const outcome = attempt(() => parseDuration(text as Duration));
      const read = typeof outcome === 'number' && /^[\d.]+(ms|s|m|h)$/.test(text) && outcome >= 0 && outcome <= MAX_DURATION_MS;
      expect(read || outcome instanceof HarnessError).toBe(true);
    });
  });
});

describe('formatDuration', () => {
  test.each<[number, string]>([
    [0, '0ms'],
    [0.04, '0ms'],
    [0.4, '0.4ms'],
    [9.96, '10ms'],
    [12, '12ms'],
    [12.6, '13ms'],
    [999, '999ms'],
    [999.4, '999ms'],
    [999.6, '1s'],
    [1000, '1s'],
    [1240, '1.24s'],
    [1500, '1.5s'],
    [9_994, '9.99s'],
    [9_996, '10s'],
    [59_949, '59.9s'],
    [59_950, '1m'],
    [60_000, '1m'],
    [125_000, '2m 5s'],
    [3_599_900, '1h'],
    [3_600_000, '1h'],
    [3_661_000, '1h 1m 1s'],
    [7_205_000, '2h 5s'],
    [-1500, '-1.5s'],
    [Number.POSITIVE_INFINITY, 'for ever'],
    [-0.04, '0ms'],
    [Number.NEGATIVE_INFINITY, '-for ever'],
    [Number.NaN, 'an unknown time'],
  ])('%d ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test('law: what is written reads back within its precision, and a longer time is never written as a shorter one', () => {
    const read = (text: string): number => text.split(' ').reduce((sum, part) => sum + parseDuration(part as Duration), 0);
    law(
      fc.tuple(duration(), duration()),
      ([a, b]) => {
        const [short, long] = a < b ? [a, b] : [b, a];
        const precision = (ms: number): number => (ms < 10 ? 0.05 : ms < 1000 ? 0.5 : ms < 10_000 ? 5 : ms < 60_000 ? 50 : 500);
        expect(Math.abs(read(formatDuration(a)) - a)).toBeLessThanOrEqual(precision(a) + 1e-6);
        expect(read(formatDuration(short))).toBeLessThanOrEqual(read(formatDuration(long)));
      },
      1000,
    );
  });

  test('law: any number at all is written as a time, and a negative one as what it is the negative of', () => {
    law(
      fc.double(),
      (ms) => {
        const text = formatDuration(ms);
        expect(text).toMatch(/^-?(\d+(\.\d+)?(ms|s|m|h)|\d[\d.e+]*h)( \d+(m|s))*$|^-?for ever$|^an unknown time$/);
        expect(formatDuration(-ms).replace(/^-/, '')).toBe(text.replace(/^-/, ''));
        expect(text).not.toBe('-0ms');
      },
      1000,
    );
  });

  test('law: a duration that was written with one unit is written so again', () => {
    law(fc.tuple(fc.integer({ min: 1, max: 59 }), fc.constantFrom('s', 'm')), ([n, unit]) => {
      expect(formatDuration(parseDuration(`${n}${unit}`))).toBe(`${n}${unit}`);
    });
  });
});

function duration(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.double({ min: 0, max: 70_000, noNaN: true }),
    fc.nat(70_000),
    fc.double({ min: 0, max: MAX_DURATION_MS, noNaN: true }),
  );
}

function attempt<T>(run: () => T): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

function refusal(run: () => unknown): HarnessError {
  const outcome = attempt(run);
  if (outcome instanceof HarnessError) return outcome;
  throw new Error('expected a refusal', { cause: outcome });
}
