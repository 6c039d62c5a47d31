import { keepsPassing } from '../logic/index.ts';
import type { Duration, PaceOption } from '../time/index.ts';
import { Call, checkCall, type AttemptContext, type Form } from './call.ts';
import type { Eventual } from './eventually.ts';
import { Fluent } from './fluent.ts';

export interface ConsistentlyOptions {
  /** How long it must keep passing; 500 ms by default. It is not multiplied on a slow machine: longer would claim more. */
  readonly for?: Duration | undefined;
  readonly pace?: PaceOption | undefined;
  /** What it is called in a message; by default the function's name. */
  readonly name?: string | undefined;
}

/** How long is watched where nobody says. */
const DEFAULT_FOR: Duration = '500ms';

const FORM: Form = {
  word: 'consistently',
  soft: false,
  known: ['for', 'pace', 'name'],
  firstDecides: false,
  claim: (matcher, { for: length = DEFAULT_FOR }) =>
    keepsPassing(matcher === undefined ? { for: length } : { matcher, for: length }),
};

/**
 * Tries a block of assertions, or a matcher on a probe's value, for a while: it must pass at every attempt. The first that fails
 * ends it at once. With `.not` it claims that something does not happen: `consistently(fn).not.toBe('failed')`.
 *
 * It watches from the call on: `const calm = consistently(…); await cancel(); await calm`.
 *
 * @param fn is given an abort signal that fires when nobody waits any more
 * @param options.for how long; 500 ms by default
 * @throws ContractViolation when an attempt failed, hung, or fewer than three were made; HarnessError for a mistake in the call
 *
 * @example
 * ```ts
 * import { test } from 'vitest';
 * import { consistently } from 'holdfast/vitest';
 *
 * test('a refund leaves the balance alone', async () => {
 *   const balance = () => 100;
 *   await consistently(balance, { for: '50ms' }).toBe(100);
 * });
 * ```
 */
export function consistently<T>(fn: (context: AttemptContext) => T, options: ConsistentlyOptions = {}): Eventual<T> {
  checkCall(FORM, fn, options);
  return new Fluent(new Call(fn, FORM, options, [], consistently, undefined)) as unknown as Eventual<T>;
}
