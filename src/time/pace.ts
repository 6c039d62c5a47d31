import { HarnessError, show } from '../errors.ts';
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
/** After a wait of T milliseconds, gaps of at least T × this: the number of looks grows with the logarithm of the wait. */
const PATIENCE = 0.001;
/** The longest gap an adaptive pace takes, in milliseconds. */
const MAX_ADAPTIVE_GAP_MS: Millis = 1000;

/**
 * The default for a function of yours: paced by what a look costs. A look of some microseconds is taken every
 * millisecond; looks that wait for something leave as much time free as they take; and all who wait on one clock share
 * one budget of `LOOK_SHARE` of a processor, so that a thousand waits cost no more than one.
 */
export const adaptive: Pace = {
  name: 'adaptive',
  next: ({ elapsed, took, waited, shared }) =>
    Math.min(MAX_ADAPTIVE_GAP_MS, Math.max(MIN_GAP_MS, waited ? took : shared, elapsed * PATIENCE)),
};
