import { HarnessError, show } from '../errors.ts';
import type { Pace } from '../time/index.ts';
import { isNearer, type NearMiss } from '../trace/near-miss.ts';
import { failedLook } from '../watch/look.ts';
import { NO_NEWS, type LookContext, type Looked, type Pull } from '../watch/source.ts';
import { signalOf } from '../watch/signals.ts';
import { worded } from './assertion.ts';
import { missOf } from './nearness.ts';

export interface AttemptOptions {
  /** What the source is called in a trace and a message; the function's name, or `the block`, by default. */
  readonly name?: string | undefined;
  readonly pace?: Pace | undefined;
  /** How many assertions of the latest attempt held: one that fails at a later assertion came nearer. */
  readonly held?: (() => number) | undefined;
}

/**
 * Sees by trying a function of yours that asserts: a look that does not throw has passed, one that throws has failed.
 *
 * A function that answers `false` has failed too: it says "not yet". For the claims `passes` and `keepsPassing`.
 *
 * @param block is given an abort signal that fires when nobody waits any more
 * @throws HarnessError `not-a-function`
 *
 * @example
 * ```ts
 * import { strict as assert } from 'node:assert';
 * import { subject, watch } from 'holdfast';
 * import { passes } from 'holdfast/logic';
 * import { attempt } from 'holdfast/probes';
 * let sent = 0;
 * setTimeout(() => (sent = 2), 5);
 * const judgement = await watch(subject([attempt(() => assert.equal(sent, 2))]), passes());
 * judgement.verdict; // => 'holds'
 * ```
 */
export function attempt<T>(
  block: (context: { readonly signal: AbortSignal }) => T,
  options: AttemptOptions = {},
): Attempt<Awaited<T>> {
  if (typeof block !== 'function') {
    throw new HarnessError(
      'not-a-function',
      `attempt: expected a function to call, received ${show(block)}`,
      'wrap what you assert: attempt(() => assert.equal(inbox.length, 1))',
    );
  }
  return new Attempts<Awaited<T>>(block as (context: { readonly signal: AbortSignal }) => Awaited<T>, options);
}

/** The source that {@link attempt} makes: besides what any source tells, it keeps what was thrown and given back last. */
export interface Attempt<T = unknown> extends Pull {
  /** What the block gave back when it passed. */
  readonly value: T | undefined;
  /** What the block threw last, as it was thrown; in a box, since anything may be thrown. */
  readonly failure: { readonly thrown: unknown } | undefined;
}

/** What there is to tell of a pass. */
const PASSED: Looked = { events: [{ kind: 'value', value: 'passed' }] };
const NOT_YET = 'the block answered false, which is taken for "not yet"';

class Attempts<T> implements Attempt<T> {
  readonly name: string;
  readonly pace: Pace | undefined;
  value: T | undefined;
  failure: { readonly thrown: unknown } | undefined;
  readonly #block: (context: { readonly signal: AbortSignal }) => T;
  readonly #held: AttemptOptions['held'];
  #nearest: NearMiss | undefined;
  /** The last look passed: that it passes again is no news. */
  #passing = false;
  #looks = 0;

  constructor(block: (context: { readonly signal: AbortSignal }) => T, { name, pace, held }: AttemptOptions) {
    this.#block = block;
    this.#held = held;
    this.name = name ?? (block.name === '' ? 'the block' : block.name);
    this.pace = pace;
  }

  look(context: LookContext): Looked | Promise<Looked> {
    if (context.fresh) this.#passing = false;
    const look = ++this.#looks;
    let value: unknown;
    try {
      value = (0, this.#block)(context);
    } catch (error) {
      return this.#failed(error);
    }
    if (!isThenable(value)) return this.#came(value as T);
    return Promise.resolve(value).then(
      // Nobody is told of a look that was given up.
      (answer) => (look === this.#looks ? this.#came(answer as T) : NO_NEWS),
      (error: unknown) => (look === this.#looks ? this.#failed(error) : NO_NEWS),
    );
  }

  #came(value: T): Looked {
    if (value === false) return this.#failed(new Error(NOT_YET));
    this.value = value;
    if (this.#passing) return NO_NEWS;
    this.#passing = true;
    return PASSED;
  }

  #failed(thrown: unknown): Looked {
    // The user's own mistake ends the wait; the watch knows it by its class.
    if (thrown instanceof HarnessError) throw thrown;
    this.#passing = false;
    this.failure = { thrown };
    const signal = signalOf(thrown);
    const told = worded(thrown);
    const event = failedLook(told);
    if (signal !== undefined)
      return signal.do === 'stop' ? { events: [event], stop: signal.reason } : { events: [event], after: signal.after };
    const miss = this.#missOf(told);
    return { events: [miss === undefined ? event : { ...event, miss }] };
  }

  /** How near this one came, where it came nearer than those before it. */
  #missOf(thrown: unknown): NearMiss | undefined {
    if (typeof thrown !== 'object' || thrown === null || !('expected' in thrown) || !('actual' in thrown)) return undefined;
    const miss = missOf(thrown.expected, thrown.actual, this.#held?.() ?? 0);
    if (miss.lines.length === 0 || !isNearer(miss, this.#nearest)) return undefined;
    this.#nearest = miss;
    return miss;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
