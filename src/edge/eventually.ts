import type { Assertion } from 'vitest';
import { passes } from '../logic/index.ts';
import type { WaitOptions } from '../matchers/matcher.ts';
import type { Duration } from '../time/index.ts';
import { Call, checkCall, type AttemptContext, type CallOptions, type Form } from './call.ts';
import { Fluent } from './fluent.ts';

export interface EventuallyOptions extends WaitOptions {
  /** What it is called in a message; by default the function's name. */
  readonly name?: string | undefined;
  /**
   * How long to look on past the deadline, to tell a slow system from a broken one: "it would have passed 340ms later". It changes
   * no verdict. By default up to 1 s, no longer than `within` and the test's time; 0 in CI.
   */
  readonly lookPast?: Duration | undefined;
}

/** What `eventually` and `consistently` give back: to be awaited, or to be asked for any matcher of the runner. */
export type Eventual<T> = Promise<Awaited<T>> & Assertion<Promise<void>, Awaited<T>>;

const KNOWN = ['within', 'pace', 'lookPast', 'name'] as const;
const HARD: Form = { word: 'eventually', soft: false, known: KNOWN, firstDecides: true, claim };
const SOFT: Form = { ...HARD, soft: true };

function claim(matcher: string | undefined): ReturnType<typeof passes> {
  return passes(matcher === undefined ? undefined : { matcher });
}

function make<T>(
  form: Form,
  fn: (context: AttemptContext) => T,
  options: CallOptions,
  below: (...args: never[]) => unknown,
  line: Error,
): Eventual<T> {
  checkCall(form, fn, options);
  return new Fluent(new Call(fn, form, options, NO_WORDS, below, line)) as unknown as Eventual<T>;
}

const NO_WORDS: readonly never[] = [];
const NO_OPTIONS: EventuallyOptions = {};

/**
 * Tries a block of assertions again and again until it passes, or a probe until its value passes a matcher of the runner.
 *
 * The first attempt is made at once, a last one at the deadline. An attempt that throws, rejects (also with `undefined`) or
 * answers `false` is a "not yet"; a matcher may be any, also `.not`, `.resolves`, `.rejects`, `toThrow` and your own.
 * Its promise resolves to what the block gave back.
 *
 * @param fn is given an abort signal that fires when nobody waits any more
 * @param options.within how long to wait; 4 s by default, less where the test has less left
 * @throws ContractViolation when it did not pass in time; HarnessError for a mistake in the call
 *
 * @example
 * ```ts
 * import { test } from 'vitest';
 * import { eventually, expect } from 'holdfast/vitest';
 *
 * test('the order is paid and mailed', async () => {
 *   const order = { state: 'new', mails: 0 };
 *   setTimeout(() => Object.assign(order, { state: 'paid', mails: 1 }), 20);
 *   await eventually(() => order.mails, { within: '2s' }).toBe(1);
 *   await eventually(() => {
 *     expect(order.state).toBe('paid');
 *     expect(order.mails).toBeLessThan(2);
 *   });
 * });
 * ```
 */
export const eventually: {
  <T>(fn: (context: AttemptContext) => T, options?: EventuallyOptions): Eventual<T>;
  /** As `eventually`, but a failure is noted on the test, which goes on: as `expect.soft` does. Resolves to `undefined` then. */
  soft<T>(fn: (context: AttemptContext) => T, options?: EventuallyOptions): Eventual<T | undefined>;
} = Object.assign(
  function eventually<T>(fn: (context: AttemptContext) => T, options: EventuallyOptions = NO_OPTIONS): Eventual<T> {
    const limit = Error.stackTraceLimit;
    // This function, and the line that calls it.
    Error.stackTraceLimit = 2;
    const line = new Error();
    Error.stackTraceLimit = limit;
    return make(HARD, fn, options, eventually, line);
  },
  {
    soft: function soft<T>(fn: (context: AttemptContext) => T, options: EventuallyOptions = NO_OPTIONS): Eventual<T | undefined> {
      const limit = Error.stackTraceLimit;
      // This function, and the line that calls it.
      Error.stackTraceLimit = 2;
      const line = new Error();
      Error.stackTraceLimit = limit;
      return make(SOFT, fn, options, soft, line);
    },
  },
);
