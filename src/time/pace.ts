import { HarnessError, show } from '../errors.ts';
import type { Clock } from './clock.ts';
import { parseDuration, type Duration, type Millis } from './duration.ts';

/** What a pace knows when it says how long to wait until the next look. */
export interface LookTiming {
  /** Looks taken so far in this watch, at least 1. */
  readonly count: number;
  /** Milliseconds since the watch began. */
  readonly elapsed: Millis;
  /** How long the last look took, in milliseconds. */
  readonly took: Millis;
  /** Whether the last look was answered later (a promise) rather than at once. */
  readonly waited: boolean;
  /** How long the budget that all looks of one clock share asks to rest, in milliseconds. */
  readonly shared: Millis;
}

/** When to look again. A pace is a value: one may serve many watches. */
export interface Pace {
  readonly name: string;
  /** Milliseconds from the end of the last look to the start of the next. */
  next(timing: LookTiming): Millis;
}

/** A duration for a fixed pace, or a pace. */
export type PaceOption = Duration | Pace;

/** @throws HarnessError `invalid-duration`; `invalid-pace` for an object that is no pace */
export function paceFrom(option: PaceOption): Pace {
  if (typeof option !== 'object') return fixed(option);
  // It may come from JavaScript.
  const { next } = (option ?? {}) as { readonly next?: unknown };
  if (typeof next === 'function') return option;
  throw new HarnessError(
    'invalid-pace',
    `pace: expected a duration or a pace, received ${show(option)}`,
    "write it as in { pace: '100ms' } or { pace: backoff() }",
  );
}

/**
 * The same gap between any two looks.
 *
 * @example
 * ```ts
 * import { fixed } from 'holdfast/time';
 * fixed('2s').next({ count: 1, elapsed: 0, took: 0, waited: false, shared: 0 }); // => 2000
 * ```
 */
export function fixed(gap: Duration): Pace {
  const ms = Math.max(MIN_GAP_MS, parseDuration(gap, 'pace'));
  return { name: `every ${ms}ms`, next: () => ms };
}

/**
 * Gaps that grow by a factor, up to a cap: for a monitor that should not be hammered.
 *
 * @param options.from the first gap; 50 ms by default
 * @param options.factor what each gap is multiplied with; 1.5 by default
 * @param options.to the longest gap; 5 s by default
 */
export function backoff(options: { from?: Duration; factor?: number; to?: Duration } = {}): Pace {
  const from = Math.max(MIN_GAP_MS, parseDuration(options.from ?? 50, 'pace.from'));
  const to = Math.max(MIN_GAP_MS, parseDuration(options.to ?? 5000, 'pace.to'));
  const factor = positive(options.factor ?? 1.5, 'pace.factor');
  return {
    name: `backoff from ${from}ms to ${to}ms`,
    next: ({ count }) => Math.min(to, Math.max(MIN_GAP_MS, from * factor ** (count - 1))),
  };
}

/**
 * Gaps in proportion to the time already waited: the relative lateness is bounded, whatever the wait turns out to be.
 *
 * @param options.share gap ÷ time waited so far; 0.1 by default
 * @param options.min the shortest gap; 25 ms by default
 * @param options.max the longest gap; 2 s by default
 */
export function proportional(options: { share?: number; min?: Duration; max?: Duration } = {}): Pace {
  const share = positive(options.share ?? 0.1, 'pace.share');
  const min = Math.max(MIN_GAP_MS, parseDuration(options.min ?? 25, 'pace.min'));
  const max = Math.max(MIN_GAP_MS, parseDuration(options.max ?? 2000, 'pace.max'));
  return {
    name: `${Math.round(share * 100)} % of the time waited`,
    next: ({ elapsed }) => Math.min(max, Math.max(min, elapsed * share)),
  };
}

/** A number that is none would make every gap NaN, and a look follow a look without rest. */
function positive(value: number, name: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value;
  throw new HarnessError(
    'invalid-pace',
    `${name}: expected a number above 0, received ${typeof value === 'number' ? String(value) : show(value)}`,
    'write it as a number, such as 1.5 for a factor or 0.1 for a share',
  );
}

/** The shortest gap between two looks, in milliseconds: what a timer can tell apart. */
export const MIN_GAP_MS: Millis = 1;
/** The share of one processor that all looks of one clock may take together. */
export const LOOK_SHARE = 0.01;
/** After a wait of T milliseconds, gaps of at least T × this: the number of looks grows with the logarithm of the wait. */
const PATIENCE = 0.001;
/** The longest gap an adaptive pace takes, in milliseconds. */
const MAX_ADAPTIVE_GAP_MS: Millis = 1000;

/**
 * The default for a function of yours: paced by what a look costs. A look of some microseconds is taken every
 * millisecond; looks that wait for something leave as much time free as they take; and all who wait on one clock share
 * one budget of {@link LOOK_SHARE} of a processor, so that a thousand waits cost no more than one.
 */
export const adaptive: Pace = {
  name: 'adaptive',
  next: ({ elapsed, took, waited, shared }) =>
    Math.min(MAX_ADAPTIVE_GAP_MS, Math.max(MIN_GAP_MS, waited ? took : shared, elapsed * PATIENCE)),
};

/** What `due` is while a waiter is not scheduled. */
export const NOT_DUE: Millis = Number.POSITIVE_INFINITY;

/** One who waits in rounds: called once when its moment has come. */
export interface Waiter {
  /** Set by {@link Rounds}: the moment on its clock; infinite while not scheduled (a number throughout needs no box). */
  due: Millis;
  look(): void;
}

/**
 * One timer for all who look on one clock. Looks that are due close together are taken in one round; the cost of the last
 * round tells how long a round should rest.
 */
export class Rounds {
  static readonly #byClock: WeakMap<Clock, Rounds> = new WeakMap();

  /** The rounds of a clock. */
  static of(clock: Clock): Rounds {
    let rounds = Rounds.#byClock.get(clock);
    if (rounds === undefined) Rounds.#byClock.set(clock, (rounds = new Rounds(clock)));
    return rounds;
  }

  readonly #clock: Clock;
  #waiting: Waiter[] = [];
  #armed: Millis = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;
  /**
   * What a look of everybody cost in each of the last rounds, in milliseconds. The cheapest counts: a slow round (a collection of
   * garbage, code that runs for the first time, a processor that had gone to sleep) must not make everybody wait.
   */
  readonly #costs: Millis[] = [];
  #cost: Millis = 0;
  /** How many looked or waited when the last round began. */
  #crowd = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long a round should rest for its looks to stay within the shared budget, in milliseconds. */
  gap(): Millis {
    const crowd = Math.max(this.#waiting.length, this.#crowd);
    return Math.max(crowd * LEAST_COST_MS, this.#cost) / LOOK_SHARE;
  }

  /**
   * Calls the waiter after `gap` milliseconds.
   *
   * @param loose it may be called up to a gap earlier, but not now, together with others of a crowd
   */
  schedule(waiter: Waiter, gap: Millis, now: Millis = this.#clock.now(), loose = false): void {
    if (waiter.due === NOT_DUE) this.#waiting.push(waiter);
    const due = now + gap;
    if (loose && Math.max(this.#waiting.length, this.#crowd) > CROWD) {
      // On a grid of powers of two, waiters with about the same gap fall due together, whenever they began.
      const grid = 2 ** Math.floor(Math.log2(gap));
      const aligned = Math.floor(due / grid) * grid;
      waiter.due = aligned > now ? aligned : due;
    } else {
      waiter.due = due;
    }
    this.#arm(waiter.due);
  }

  cancel(waiter: Waiter): void {
    if (waiter.due === NOT_DUE) return;
    waiter.due = NOT_DUE;
    const index = this.#waiting.indexOf(waiter);
    const last = this.#waiting.pop()!;
    if (last !== waiter) this.#waiting[index] = last;
    if (this.#waiting.length === 0) {
      this.#forget();
      this.#cancel?.();
      this.#cancel = undefined;
      this.#armed = Number.POSITIVE_INFINITY;
    }
  }

  /** What the looks of one crowd cost says nothing about the next. */
  #forget(): void {
    this.#costs.length = 0;
    this.#cost = 0;
    this.#crowd = 0;
  }

  #arm(due: Millis): void {
    if (due >= this.#armed) return;
    this.#cancel?.();
    this.#armed = due;
    this.#cancel = this.#clock.after(Math.max(0, due - this.#clock.now()), () => this.#round());
  }

  #round(): void {
    const start = this.#clock.now();
    this.#armed = Number.POSITIVE_INFINITY;
    this.#cancel = undefined;
    const all = this.#waiting;
    // A crowd is due all at once, as a rule: then it need not be told apart, nor put in order.
    let [ready, later]: [Waiter[], Waiter[]] = [all, []];
    if (!areDue(all, start + SAME_ROUND_MS)) {
      ready = all.filter((waiter) => waiter.due <= start + SAME_ROUND_MS);
      later = all.filter((waiter) => waiter.due > start + SAME_ROUND_MS);
    }
    this.#crowd = all.length;
    this.#waiting = later;
    const untouched = later.length;
    // In order of their moments: in virtual time the order must not hang on who was scheduled last.
    if (!inOrder(ready)) ready.sort((a, b) => a.due - b.due);
    // By index throughout: an iterator for each of a thousand waiters is most of what a round would leave behind.
    for (let i = 0; i < ready.length; i++) ready[i]!.due = NOT_DUE;
    for (let i = 0; i < ready.length; i++) ready[i]!.look();
    // A round in which somebody stopped waiting cost more than its looks, and is no measure of them.
    // So is one of a few: waking up cost more than looking.
    if (ready.length * 2 > this.#crowd && this.#waiting.length === untouched + ready.length) {
      const looks = Math.max(0, this.#clock.now() - start - WAKE_UP_MS);
      this.#costs.push((looks / ready.length) * this.#crowd);
      if (this.#costs.length > ROUNDS_REMEMBERED) this.#costs.shift();
      this.#cost = this.#costs.length < ROUNDS_REMEMBERED ? 0 : Math.min(...this.#costs);
    }
    if (this.#waiting.length === 0) this.#forget();
    let next = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#waiting.length; i++) {
      const { due } = this.#waiting[i]!;
      if (due < next) next = due;
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }
}

function areDue(waiters: readonly Waiter[], by: Millis): boolean {
  for (let i = 0; i < waiters.length; i++) if (waiters[i]!.due > by) return false;
  return true;
}

function inOrder(waiters: readonly Waiter[]): boolean {
  for (let i = 1; i < waiters.length; i++) if (waiters[i]!.due < waiters[i - 1]!.due) return false;
  return true;
}

/** Looks due within this many milliseconds of a round are taken with it: less than a timer can tell apart. */
const SAME_ROUND_MS: Millis = 0.5;
/**
 * What a look costs at least, in milliseconds: one of a crowd finds little of what it touches in the processor's caches, and what
 * it leaves behind is to be collected.
 */
const LEAST_COST_MS: Millis = 0.004;
/** What a round costs whoever looks, in milliseconds: a processor that wakes up finds none of its caches filled. */
const WAKE_UP_MS: Millis = 0.05;
/** Of how many rounds the cheapest tells what a look costs; before there are so many, nothing is known of it. */
const ROUNDS_REMEMBERED = 4;
/** With more waiters than this, their moments are aligned. */
const CROWD = 8;
