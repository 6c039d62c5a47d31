import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  adaptive,
  backoff,
  fixed,
  LOOK_SHARE,
  MIN_GAP_MS,
  NOT_DUE,
  paceFrom,
  proportional,
  Rounds,
  virtualClock,
  type LookTiming,
  type Pace,
  type VirtualClock,
  type Waiter,
} from '../../../src/time/index.ts';
import { law, lawAsync } from '../../setup/law.ts';

const millis = fc.double({ min: 0, max: 1e9, noNaN: true });
const timing: fc.Arbitrary<LookTiming> = fc.record({
  count: fc.integer({ min: 1, max: 1_000_000 }),
  elapsed: millis,
  took: millis,
  waited: fc.boolean(),
  shared: millis,
});
const at = (given: Partial<LookTiming>): LookTiming => ({ count: 1, elapsed: 0, took: 0, waited: false, shared: 0, ...given });

const paces: readonly Pace[] = [
  adaptive,
  fixed(0),
  fixed('2s'),
  paceFrom(20),
  paceFrom('1m'),
  paceFrom(fixed(3)),
  backoff(),
  backoff({ from: 0, factor: 3, to: '1h' }),
  backoff({ from: 1, factor: 1 }),
  backoff({ from: '10s', to: '1s' }),
  backoff({ from: 10, to: 0 }),
  backoff({ factor: 0.5 }),
  proportional(),
  proportional({ share: 1e-9, min: 0, max: 0 }),
  proportional({ share: 5, min: '1s', max: '1h' }),
  proportional({ min: '10s', max: '1s' }),
];

describe('the laws of a pace', () => {
  test.each(paces.map((pace, i) => [`${i}: ${pace.name}`, pace] as const))(
    'pace %s: a finite gap of at least a timer’s grain, the same for the same timing',
    (_name, pace) => {
      expect(pace.name).not.toBe('');
      law(timing, (given) => {
        const gap = pace.next(given);
        expect(gap).toBeGreaterThanOrEqual(MIN_GAP_MS);
        expect(Number.isFinite(gap)).toBe(true);
        expect(pace.next({ ...given })).toBe(gap);
      });
    },
  );

  test.each<[string, Pace, Partial<LookTiming>, number]>([
    ['fixed', fixed('2s'), { count: 99, elapsed: 1e6 }, 2000],
    ['fixed, never below a timer’s grain', fixed(0), {}, MIN_GAP_MS],
    ['backoff, first', backoff(), { count: 1 }, 50],
    ['backoff, third', backoff(), { count: 3 }, 112.5],
    ['backoff, capped', backoff(), { count: 100 }, 5000],
    ['proportional, at first', proportional(), { elapsed: 0 }, 25],
    ['proportional, a tenth of the time waited', proportional(), { elapsed: 5000 }, 500],
    ['proportional, capped', proportional(), { elapsed: 1e6 }, 2000],
    ['adaptive, a free look', adaptive, {}, MIN_GAP_MS],
    ['adaptive, as much rest as a look waited', adaptive, { waited: true, took: 40 }, 40],
    ['adaptive, within the shared budget', adaptive, { shared: 30 }, 30],
    ['adaptive, patient in a long wait', adaptive, { elapsed: 60_000 }, 60],
    ['adaptive, capped', adaptive, { waited: true, took: 5000 }, 1000],
  ])('%s', (_name, pace, given, gap) => {
    expect(pace.next(at(given))).toBeCloseTo(gap, 6);
  });

  test('refuses a duration that is none, and names the option', () => {
    expect(() => paceFrom('soon' as '1s')).toThrow('pace: expected a duration, received "soon"');
    expect(() => backoff({ from: -1 })).toThrow('pace.from: expected a duration');
    expect(() => backoff({ to: '1 day' as '1s' })).toThrow('pace.to: expected a duration');
    expect(() => proportional({ min: Number.NaN })).toThrow('pace.min: expected a duration');
    expect(() => proportional({ max: '1d' as '1h' })).toThrow('pace.max: expected a duration');
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2' as unknown as number])(
    'refuses %s as a factor or a share',
    (number) => {
      expect(() => backoff({ factor: number })).toThrow(/^pace\.factor: expected a number above 0, received/);
      expect(() => proportional({ share: number })).toThrow(/^pace\.share: expected a number above 0, received/);
    },
  );
});

/** One who looks every `gap` milliseconds, and writes down when. */
class Looker implements Waiter {
  due = NOT_DUE;
  readonly at: number[] = [];
  readonly #then: (() => void) | undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock, then?: () => void) {
    this.#clock = clock;
    this.#then = then;
  }

  look(): void {
    this.at.push(this.#clock.now());
    this.#then?.();
  }
}

describe('rounds: one timer for all who look on one clock', () => {
  test('one clock has one, another clock another', () => {
    const clock = virtualClock();
    expect(Rounds.of(clock)).toBe(Rounds.of(clock));
    expect(Rounds.of(clock)).not.toBe(Rounds.of(virtualClock()));
  });

  test('a thousand waiters keep one timer, and none when all have looked', async () => {
    const clock = virtualClock();
    const rounds = new Rounds(clock);
    const lookers = Array.from({ length: 1000 }, () => new Looker(clock));
    lookers.forEach((looker, i) => rounds.schedule(looker, 10 + (i % 7)));
    expect(clock.pending).toEqual({ count: 1, next: 10 });
    await clock.advance(100);
    for (const [i, looker] of lookers.entries()) expect(looker.at).toEqual([10 + (i % 7)]);
    expect(clock.pending.count).toBe(0);
    // What one crowd cost says nothing about the next.
    expect(rounds.gap()).toBe(0);
  });

  test('a shorter wait moves the timer forward; a waiter that is scheduled again counts once', async () => {
    const clock = virtualClock();
    const rounds = new Rounds(clock);
    const [long, short] = [new Looker(clock), new Looker(clock)];
    rounds.schedule(long, 100);
    rounds.schedule(short, 5);
    expect(clock.pending).toEqual({ count: 1, next: 5 });
    rounds.schedule(long, 50);
    await clock.advance(200);
    expect([long.at, short.at]).toEqual([[50], [5]]);
  });

  test('who is cancelled is not called; when the last is cancelled the timer goes', async () => {
    const clock = virtualClock();
    const rounds = new Rounds(clock);
    const [a, b, c] = [new Looker(clock), new Looker(clock), new Looker(clock)] as const;
    for (const [i, looker] of [a, b, c].entries()) rounds.schedule(looker, 10 + i);
    rounds.cancel(a);
    rounds.cancel(a);
    expect(a.due).toBe(NOT_DUE);
    await clock.advance(11);
    rounds.cancel(c);
    expect(clock.pending.count).toBe(0);
    await clock.advance(100);
    expect([a.at, b.at, c.at]).toEqual([[], [11], []]);
  });

  test('law: whatever is scheduled and cancelled, each waiter is called once, at its moment', async () => {
    const one = fc.record({ gap: fc.integer({ min: 1, max: 30 }), cancel: fc.boolean() });
    await lawAsync(fc.array(one, { maxLength: 30 }), async (plan) => {
      const clock = virtualClock();
      const rounds = new Rounds(clock);
      const lookers = plan.map(() => new Looker(clock));
      plan.forEach(({ gap }, i) => rounds.schedule(lookers[i]!, gap));
      plan.forEach(({ cancel }, i) => {
        if (cancel) rounds.cancel(lookers[i]!);
      });
      await clock.advance(40);
      expect(lookers.map((looker) => looker.at)).toEqual(plan.map(({ gap, cancel }) => (cancel ? [] : [gap])));
      expect(clock.pending.count).toBe(0);
    });
  });

  test('the rest that the budget asks for grows with the crowd, and is forgotten with it', () => {
    const clock = virtualClock();
    const rounds = new Rounds(clock);
    const gaps: number[] = [];
    const lookers = Array.from({ length: 1000 }, () => new Looker(clock));
    for (const [i, looker] of lookers.entries()) {
      rounds.schedule(looker, 10);
      if (i === 0 || i === 9 || i === 999) gaps.push(rounds.gap());
    }
    // A look costs four microseconds at least, and all looks together may take one hundredth of a processor.
    expect(gaps.map((gap) => Math.round(gap * 1000) / 1000)).toEqual([0.4, 4, 400]);
    for (const looker of lookers) rounds.cancel(looker);
    expect(rounds.gap()).toBe(0);
  });

  test('what looks cost is measured, the cheapest of the last four rounds counts, and together they keep to the budget', async () => {
    const clock = virtualClock();
    let now = 0;
    // A clock on which a look takes as long as this test says.
    const costly = { ...clock, now: () => clock.now() + now };
    const rounds = new Rounds(costly);
    let cost = 2;
    // To wake up is no look's cost.
    const WAKE_UP_MS = 0.05;
    const again =
      (looker: Looker): (() => void) =>
      () => {
        now += cost;
        rounds.schedule(looker, 50);
      };
    const looker: Looker = new Looker(clock, () => again(looker)());
    rounds.schedule(looker, 50);
    await clock.advance(160);
    expect(rounds.gap()).toBeCloseTo(0.4, 6);
    await clock.advance(50);
    expect(rounds.gap()).toBeCloseTo((2 - WAKE_UP_MS) / LOOK_SHARE, 6);
    cost = 500;
    await clock.advance(150);
    expect(rounds.gap()).toBeCloseTo((2 - WAKE_UP_MS) / LOOK_SHARE, 6);
    await clock.advance(50);
    expect(rounds.gap()).toBeCloseTo((500 - WAKE_UP_MS) / LOOK_SHARE, 6);
    rounds.cancel(looker);
  });

  test('a crowd with loose moments is called together, earlier than they asked; a few are called when they asked', async () => {
    const clock = virtualClock();
    const roundsFor = async (crowd: number): Promise<readonly number[]> => {
      const rounds = new Rounds(clock);
      const start = clock.now();
      const lookers = Array.from({ length: crowd }, () => new Looker(clock));
      lookers.forEach((looker, i) => rounds.schedule(looker, 64 + i, start, true));
      await clock.advance(200);
      const waited = lookers.map((looker) => looker.at[0]! - start);
      waited.forEach((ms, i) => {
        expect(ms).toBeLessThanOrEqual(64 + i);
        expect(ms).toBeGreaterThan(0);
      });
      return [...new Set(waited)];
    };
    expect(await roundsFor(5)).toEqual([64, 65, 66, 67, 68]);
    expect((await roundsFor(60)).length).toBeLessThan(20);
  });
});
