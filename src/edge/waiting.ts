import type { Millis } from '../time/index.ts';
import { notAwaited, stillWaiting } from './refusals.ts';
import { at, type Site } from './site.ts';

/** The test that made a call, as its runner tells of it: the same object for all of its calls. */
export interface Owner {
  readonly name: string;
  /** How long its function may run in all, in milliseconds. */
  readonly timeout: Millis;
  /** How long it may still run; infinite where it has no limit or the runner does not tell. */
  timeLeft(): Millis;
  /** Aborts when the runner gives the test up: it timed out, or the run was cancelled. */
  readonly signal: AbortSignal;
  /** The runner is done with it: nothing that still happens in it can be told. */
  readonly over: boolean;
  /** Nobody tells of its end: what was opened for a call is closed with that. */
  readonly unattended?: boolean | undefined;
  /** `skip`: it has nothing to answer for; `fail`: it has failed already, and needs no second reason. */
  readonly state: 'skip' | 'fail' | undefined;
  /** Has this done when the test ends; what it throws fails the test. What is given back, if anything, has it not done after all. */
  atTheEnd(finish: () => Promise<void>): (() => void) | void;
}

/** What the runner gets, and hands on to the user. */
export type Tracked<T> = PromiseLike<T>;

/** One call of a matcher, from the call to its settling, tied to the test that made it. */
export class Waiting<T> {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #label: string;
  readonly #site: Site;
  /** How often the result must be asked for, by the runner itself and then by the user. */
  readonly #needed: number;
  readonly #soft: boolean;
  #asked = 0;
  #settled = false;
  /** The test has ended with nothing to tell of this call. */
  #over = false;
  /** What came of promises that were derived from this one, and that nobody asked for: `.then(…)` without await. */
  #loose: Set<{ error?: unknown }> | undefined;
  /** What it leaves for the end of its test, and how to have that not done. */
  #finish: (() => Promise<void>) | undefined;
  #undo: (() => void) | void = undefined;
  #wasLetGo = false;
  #owner: Owner | undefined;

  /**
   * @param asks how often the runner asks for the outcome by itself, before it hands it on
   * @param soft the runner keeps a failure by itself
   */
  constructor(label: string, site: Site, asks: number, soft: boolean) {
    this.#label = label;
    this.#site = site;
    this.#needed = asks + 1;
    this.#soft = soft;
    this.signal = this.#controller.signal;
  }

  track(promise: Promise<T>, owner: Owner | undefined): Tracked<T> {
    let pending: unknown;
    const signal = owner?.signal;
    const stop = (): void => this.#controller.abort(signal?.reason);
    const settle = (): void => {
      this.#settled = true;
      this.#letGo();
      // A test may make thousands of calls, and each listener is compared with all that are there.
      signal?.removeEventListener('abort', stop);
    };
    const settled = promise.then(
      (result) => {
        settle();
        return result;
      },
      (error: unknown) => {
        if (this.signal.aborted) {
          pending = error;
          this.#undo = undefined;
        }
        settle();
        throw at(error, this.#site);
      },
    );
    // Whoever forgot to await is told by the hook below; the runner must not blame another test for a rejection.
    settled.catch(() => undefined);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    const finish = async (): Promise<void> => {
      signal?.removeEventListener('abort', stop);
      const left = !this.#settled;
      if (left) {
        this.#controller.abort(new Error(owner === undefined ? 'the hook ended' : 'the test ended'));
        await settled.catch(() => undefined);
      }
      // A run that was cancelled, and a test that skipped itself, have nothing to answer for.
      const state = owner?.state;
      if (state === 'skip') return;
      if (this.#asked < this.#needed) throw at(notAwaited(this.#label), this.#site);
      // The runner reports only that the test timed out; this says what was pending, and what had been seen of it.
      // A soft one has said it by itself.
      if (pending !== undefined && !this.#soft && (signal === undefined || signal.aborted)) throw at(pending, this.#site);
      if (left && state !== 'fail') throw at(stillWaiting(this.#label), this.#site);
      for (const loose of this.#loose ?? []) if ('error' in loose) throw loose.error;
      this.#over = true;
    };
    this.#owner = owner;
    this.#finish = finish;
    this.#undo = atTheEnd(owner, finish);
    return { then: (onFulfilled, onRejected) => this.#asking(settled.then(onFulfilled, onRejected)) };
  }

  /** Asked for, and settled: there is nothing to tell at the end, and thousands of calls must not be kept until then. */
  #letGo(): void {
    if (this.#undo === undefined || !this.#settled || this.#asked < this.#needed || this.#loose !== undefined) return;
    this.#undo();
    this.#undo = undefined;
    this.#wasLetGo = true;
  }

  /** What the user gets: a promise that notes whether anybody asked for its outcome. */
  #asking<U>(promise: Promise<U>, onAsked?: () => void): Promise<U> {
    promise.catch(() => undefined);
    const note = <V>(next: Promise<V>, handled: boolean): Promise<V> => {
      this.#asked++;
      this.#letGo();
      onAsked?.();
      if (this.#asked < this.#needed) return this.#asking(next);
      return handled ? next : this.#derived(next);
    };
    return {
      // What `await` calls hands in both, and is done with it.
      then: (onFulfilled, onRejected) => note(promise.then(onFulfilled, onRejected), typeof onRejected === 'function'),
      catch: (onRejected) => note(promise.catch(onRejected), typeof onRejected === 'function'),
      finally: (onFinally) => note(promise.finally(onFinally), false),
      [Symbol.toStringTag]: 'Promise',
    };
  }

  /** A promise that passes a failure on: it may be asked for in its turn, and is told at the end of the test if it is not. */
  #derived<U>(promise: Promise<U>): Promise<U> {
    const loose: { error?: unknown } = {};
    const all = (this.#loose ??= new Set());
    all.add(loose);
    // There is something to look after again.
    if (this.#wasLetGo) {
      this.#wasLetGo = false;
      atTheEnd(this.#owner, this.#finish!);
    }
    promise.catch((error: unknown) => {
      // Too late for the test to be told: let it be the unhandled rejection that it is.
      if (this.#over && all.has(loose)) throw error;
      loose.error = error;
    });
    return this.#asking(promise, () => all.delete(loose));
  }
}

/** What is still to be looked after outside of a test, in a hook of a whole suite. */
const outside: Set<() => Promise<void>> = new Set();

/** Has this done when the test ends, or the file where there is none. */
export function atTheEnd(owner: Owner | undefined, finish: () => Promise<void>): (() => void) | void {
  return owner === undefined ? afterAllTests(finish) : owner.atTheEnd(finish);
}

/** Has this done at the end of the file: its test takes no more of them, or there is none. */
export function afterAllTests(finish: () => Promise<void>): void {
  outside.add(finish);
}

/** The end of a file: whatever was called outside of its tests must have been awaited by now. */
export async function leave(): Promise<void> {
  const ending = [...outside];
  outside.clear();
  const errors = await finishAll(ending);
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several matchers were not awaited');
}

/** What several calls have to tell at once. */
export class Several extends AggregateError {
  constructor(errors: readonly unknown[]) {
    super(errors, 'several calls were not awaited');
  }
}

/** What the calls of a test that has ended still have to tell, in the order in which they were made. */
export async function finishAll(ending: readonly (() => Promise<void>)[]): Promise<readonly unknown[]> {
  const ended = await Promise.allSettled(ending.map((finish) => finish()));
  return ended.flatMap((one): readonly unknown[] => (one.status === 'rejected' ? eachOf(one.reason) : []));
}

/** One error, or each of several. */
export function eachOf(reason: unknown): readonly unknown[] {
  return reason instanceof Several ? reason.errors : [reason];
}
