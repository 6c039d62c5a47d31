import { chai, vi, type MatcherState, type RunnerTestCase } from 'vitest';
import { HarnessError } from '../errors.ts';
import type { Judgement } from '../logic/index.ts';
import { subjectOf, type Matcher, type Meant } from '../matchers/matcher.ts';
import { violation } from '../report/index.ts';
import { parseDuration, systemClock, type Millis } from '../time/index.ts';
import { closeSubject, LAST_LOOK_GRACE_MS, watch, type Subject } from '../watch/index.ts';
import { concurrentTest, enterLate, isOver, runningTests, timeLeft } from './attempt.ts';
import { at } from './pending.ts';
import { attachTimeline, remarkMargin } from './remarks.ts';
import { budget, defaultsFor, tooLong, type Budget, type Defaults } from './settings.ts';

/** What a default wait leaves of the test's time, in milliseconds, so that our message comes before the runner's. */
const MARGIN_MS: Millis = LAST_LOOK_GRACE_MS + 100;

interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

/**
 * A matcher as Vitest wants it.
 *
 * It returns a thenable of our own, because the runner neither notices a custom matcher that nobody awaits nor points at
 * the call of one that fails later. What is taken from the runner is the matcher state and the
 * test's context; `attempt.ts` says when it reads them.
 */
export function adapt(matcher: Matcher): (this: MatcherState, received: unknown, ...args: unknown[]) => Promise<Result> {
  return function match(this: MatcherState, received: unknown, ...args: unknown[]): Promise<Result> {
    const { name } = matcher;
    if (this.assertion === undefined) {
      throw new HarnessError(
        'asymmetric-form',
        `expect.${name}() inside another matcher cannot work: it waits, and an asymmetric matcher must answer at once`,
        `assert it on its own: await expect(operation).${name}(…)`,
      );
    }
    const site = callSite(this, match);
    const label = `expect(…)${this.isNot ? '.not' : ''}.${name}()`;
    const refusal = this.poll === true ? alreadyPolled(name) : undefined;
    const task = refusal === undefined ? ownTest(this, name, site) : undefined;
    if (task !== undefined && isOver(task)) {
      // Under `.resolves` the runner has told the test already that nobody awaited it.
      if (this.promise !== '') return new Promise(() => undefined);
      throw at(testOver(label, task), site);
    }
    const waiting = new Waiting(label, site, this.soft === true && this.promise === '' ? 2 : 1);
    const promise = (async (): Promise<Result> => {
      if (refusal !== undefined) throw refusal;
      const meant = (matcher.mean as (...given: unknown[]) => Meant)(...args);
      const subject = subjectOf(received, name);
      closeAtTheEnd(subject, task);
      const defaults = meant.claim.fromNow === true ? {} : defaultsFor(task);
      const { within, notes } = timeFor(name, meant, subject, task, defaults);
      const start = systemClock.now();
      const judgement = await watch(subject, meant.claim, {
        pace: meant.options.pace ?? defaults.pace,
        within,
        signal: waiting.signal,
        ...(subject.clock === systemClock ? { beforeLook: moveFakeTimers } : {}),
      });
      if (passes(judgement, this.isNot)) {
        if (meant.claim.fromNow !== true && subject.clock === systemClock)
          await remarkMargin(task, label, systemClock.now() - start, within);
        return { pass: !this.isNot, message: () => '' };
      }
      const error = violation({ claim: meant.claim, judgement, subject, negated: this.isNot, within, notes });
      const prefix: unknown = chai.util.flag(this.assertion, 'message');
      if (typeof prefix === 'string' && prefix !== '') error.message = `${prefix}: ${error.message}`;
      // A test whose time is up waits for nothing more.
      const attached = attachTimeline(task, label, { trace: subject.trace, judgement, name: subject.name });
      if (judgement.decidedBy !== 'aborted') await attached;
      throw error;
    })();
    return waiting.track(promise, task) as unknown as Promise<Result>;
  };
}

/** `.not` is judged, not inverted: it passes only when something that was seen decided against the claim. */
function passes(judgement: Judgement, isNot: boolean): boolean {
  return isNot ? judgement.verdict === 'violated' && judgement.decidedBy === 'observation' : judgement.verdict === 'holds';
}

/** One call of a matcher, from the call to its settling, tied to the test that made it. */
class Waiting {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #label: string;
  readonly #site: Site;
  /** How often the result must be asked for: `expect.soft` asks once by itself. */
  readonly #needed: number;
  #asked = 0;
  #settled = false;
  /** The test has ended with nothing to tell of this call. */
  #over = false;
  /** What came of promises that were derived from this one, and that nobody asked for: `.then(…)` without await. */
  #loose: Set<{ error?: unknown }> | undefined;

  constructor(label: string, site: Site, needed: number) {
    this.#label = label;
    this.#site = site;
    this.#needed = needed;
    this.signal = this.#controller.signal;
  }

  track(promise: Promise<Result>, task: RunnerTestCase | undefined): PromiseLike<Result> {
    let pending: unknown;
    const signal = task?.context.signal;
    const stop = (): void => this.#controller.abort(signal?.reason);
    const settle = (): void => {
      this.#settled = true;
      // A test may make thousands of calls, and each listener is compared with all that are there.
      signal?.removeEventListener('abort', stop);
    };
    const settled = promise.then(
      (result) => {
        settle();
        return result;
      },
      (error: unknown) => {
        settle();
        if (this.signal.aborted) pending = error;
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
        this.#controller.abort(new Error(task === undefined ? 'the hook ended' : 'the test ended'));
        await settled.catch(() => undefined);
      }
      // A run that was cancelled, and a test that skipped itself, have nothing to answer for.
      const state = task?.result?.state;
      if (state === 'skip') return;
      if (this.#asked < this.#needed) throw at(notAwaited(this.#label), this.#site);
      // The runner reports only that the test timed out; this says what was pending, and what had been seen of it.
      // A soft one has said it by itself.
      if (pending !== undefined && this.#needed === 1 && (signal === undefined || signal.aborted)) throw at(pending, this.#site);
      if (left && state !== 'fail') throw at(stillWaiting(this.#label), this.#site);
      for (const loose of this.#loose ?? []) if ('error' in loose) throw loose.error;
      this.#over = true;
    };
    atTheEnd(task, finish);
    return { then: (onFulfilled, onRejected) => this.#asking(settled.then(onFulfilled, onRejected)) };
  }

  /** What the user gets: a promise that notes whether anybody asked for its outcome. */
  #asking<T>(promise: Promise<T>, onAsked?: () => void): Promise<T> {
    promise.catch(() => undefined);
    const note = <U>(next: Promise<U>, handled: boolean): Promise<U> => {
      this.#asked++;
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

function atTheEnd(task: RunnerTestCase | undefined, finish: () => Promise<void>): void {
  if (task === undefined) {
    outside.add(finish);
    return;
  }
  try {
    task.context.onTestFinished(finish);
  } catch {
    // Within onTestFinished and onTestFailed the runner takes no more of them.
    outside.add(finish);
  }
}

/** Who watches a subject whose sources were opened for it: the last of them closes it. */
const watching: WeakMap<Subject, Set<RunnerTestCase | undefined>> = new WeakMap();

/** Sources that are told were opened by the first matcher on them; a channel that somebody made is theirs to close. */
function closeAtTheEnd(subject: Subject, task: RunnerTestCase | undefined): void {
  if ('close' in subject || !subject.sources.some((source) => 'open' in source)) return;
  let tests = watching.get(subject);
  if (tests === undefined) watching.set(subject, (tests = new Set()));
  if (tests.has(task)) return;
  tests.add(task);
  atTheEnd(task, async () => {
    tests.delete(task);
    if (tests.size === 0) await closeSubject(subject);
  });
}

/** The end of a file: whatever was called outside of its tests must have been awaited by now. */
export async function leave(): Promise<void> {
  const ending = [...outside];
  outside.clear();
  const ended = await Promise.allSettled(ending.map((finish) => finish()));
  const errors = ended.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several matchers were not awaited');
}

/** How long this call may wait, refused at once where the test would end before. */
function timeFor(
  name: string,
  { claim, options }: Meant,
  subject: Subject,
  task: RunnerTestCase | undefined,
  defaults: Defaults,
): Budget {
  const left = subject.clock === systemClock ? timeLeft(task) : Number.POSITIVE_INFINITY;
  const limit = Number.isFinite(left) ? task?.timeout : undefined;
  if (claim.fromNow !== true) return budget(options.within ?? defaults.within, { left, margin: MARGIN_MS, label: name, limit });
  const length = ownLength(claim.args);
  if (length === undefined) return budget(undefined, { left, margin: MARGIN_MS, label: name, limit });
  if (length > left) throw tooLong(name, 'for', length, left, limit);
  return { within: length, notes: [] };
}

function ownLength(args: unknown): Millis | undefined {
  const { for: length } = args as { for?: Parameters<typeof parseDuration>[0] };
  return length === undefined ? undefined : parseDuration(length, 'for');
}

/** While fake timers are installed they are moved on as real time goes by, as the runner's own polling does. */
function moveFakeTimers(sinceLast: Millis): void {
  if (vi.isFakeTimers()) vi.advanceTimersByTime(Math.max(1, Math.round(sinceLast)));
}

/**
 * The test that made the call. With the global `expect` the runner only guesses it, and guesses wrong while several tests
 * run concurrently: then the assertion would be blamed on another test, so it is refused with the remedy.
 */
function ownTest(state: MatcherState, name: string, site: Site): RunnerTestCase | undefined {
  const { task } = state;
  const actual = concurrentTest();
  if (actual !== undefined && task === actual) return task;
  if (task !== undefined) enterLate(task);
  const running = runningTests();
  if (running.size < 2) {
    const only = task ?? actual ?? [...running][0];
    if (only?.concurrent !== true || only === actual) return only;
  }
  if (actual === undefined || isOver(actual)) {
    // Called back from outside of any test, by a server for instance: the context's own count tells whose expect it was.
    if (task !== undefined && running.has(task) && calledThroughContext(task)) return task;
  }
  const many = running.size < 2 ? 'in a concurrent test' : `while ${running.size} tests run concurrently`;
  throw at(
    new HarnessError(
      'global-expect',
      `${name} was called on the global expect ${many}, so it cannot tell which of them it belongs to`,
      `use the expect of the test's context: test.concurrent('…', async ({ expect }) => { await expect(op).${name}() })`,
    ),
    site,
  );
}

const seenCalls: WeakMap<RunnerTestCase, number> = new WeakMap();

/** Each expect counts its own calls: if the context's own counted none since last time, another one was called. */
function calledThroughContext(task: RunnerTestCase): boolean {
  const { assertionCalls } = task.context.expect.getState();
  const before = seenCalls.get(task) ?? 0;
  seenCalls.set(task, assertionCalls);
  // An attempt that is made again counts anew.
  return assertionCalls > before || (assertionCalls > 0 && assertionCalls < before);
}

/** Where a stack is kept that is written out only when it is read. */
interface Site {
  readonly stack?: string;
}

/** The stack at the call. Under `.resolves` it was taken when `.resolves` was written. */
function callSite(state: MatcherState, below: (...args: never[]) => unknown): Site {
  const flagged: unknown = state.promise === '' ? undefined : chai.util.flag(state.assertion, 'error');
  if (flagged instanceof Error) return flagged;
  const site: Site = {};
  Error.captureStackTrace(site, below);
  return site;
}

function alreadyPolled(name: string): HarnessError {
  return new HarnessError(
    'already-polled',
    `expect.poll(…).${name}() polls twice: ${name} waits by itself`,
    `write await expect(fn).${name}(…)`,
  );
}

function notAwaited(label: string): HarnessError {
  return new HarnessError(
    'not-awaited',
    `${label} was not awaited, so the test could end before it was decided`,
    `write await ${label}`,
  );
}

function testOver(label: string, task: RunnerTestCase): HarnessError {
  return new HarnessError(
    'test-over',
    `${label} was called when its test '${task.name}' had ended, so nobody would be told of its outcome`,
    'await whatever calls it before the end of the test',
  );
}

function stillWaiting(label: string): HarnessError {
  return new HarnessError(
    'not-awaited',
    `${label} was still undecided when the test ended`,
    `await it before the end of the test: await ${label}`,
  );
}
