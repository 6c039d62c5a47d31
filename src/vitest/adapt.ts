import { chai, vi, type MatcherState, type RunnerTestCase } from 'vitest';
import { HarnessError } from '../errors.ts';
import type { Judgement } from '../logic/index.ts';
import { subjectOf, type Matcher, type Meant } from '../matchers/matcher.ts';
import { violation } from '../report/index.ts';
import { formatDuration, parseDuration, systemClock, type Millis } from '../time/index.ts';
import { DEFAULT_WITHIN_MS, LAST_LOOK_GRACE_MS, watch, type Subject } from '../watch/index.ts';
import { runningTests, timeLeft } from './attempt.ts';

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
 * the call of one that fails later. All that is taken from the runner is public: the matcher state, the test's context.
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
    const refusal = this.poll === true ? alreadyPolled(name) : undefined;
    const task = refusal === undefined ? ownTest(this, name, site) : undefined;
    const waiting = new Waiting(
      `expect(…)${this.isNot ? '.not' : ''}.${name}()`,
      site,
      this.soft === true && this.promise === '' ? 2 : 1,
    );
    const promise = (async (): Promise<Result> => {
      if (refusal !== undefined) throw refusal;
      const meant = (matcher.mean as (...given: unknown[]) => Meant)(...args);
      const subject = subjectOf(received, name);
      const within = timeFor(name, meant, subject, task);
      const judgement = await watch(subject, meant.claim, {
        pace: meant.options.pace,
        within,
        signal: waiting.signal,
        ...(subject.clock === systemClock ? { beforeLook: moveFakeTimers } : {}),
      });
      if (passes(judgement, this.isNot)) return { pass: !this.isNot, message: () => '' };
      const error = violation({ claim: meant.claim, judgement, subject, negated: this.isNot, within });
      const prefix: unknown = chai.util.flag(this.assertion, 'message');
      if (typeof prefix === 'string' && prefix !== '') error.message = `${prefix}: ${error.message}`;
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
  readonly #site: string;
  /** How often the result must be asked for: `expect.soft` asks once by itself. */
  readonly #needed: number;
  #asked = 0;
  #settled = false;

  constructor(label: string, site: string, needed: number) {
    this.#label = label;
    this.#site = site;
    this.#needed = needed;
    this.signal = this.#controller.signal;
  }

  track(promise: Promise<Result>, task: RunnerTestCase | undefined): PromiseLike<Result> {
    let pending: unknown;
    const settled = promise.then(
      (result) => {
        this.#settled = true;
        return result;
      },
      (error: unknown) => {
        this.#settled = true;
        if (this.signal.aborted) pending = error;
        throw at(error, this.#site);
      },
    );
    // Whoever forgot to await is told by the hook below; the runner must not blame another test for a rejection.
    settled.catch(() => undefined);
    if (task !== undefined) {
      const { signal } = task.context;
      const stop = (): void => this.#controller.abort(signal.reason);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
      task.context.onTestFinished(async () => {
        signal.removeEventListener('abort', stop);
        const left = !this.#settled;
        if (left) {
          this.#controller.abort(new Error('the test ended'));
          await settled.catch(() => undefined);
        }
        if (this.#asked < this.#needed) throw at(notAwaited(this.#label), this.#site);
        // The runner reports only that the test timed out; this says what was pending, and what had been seen of it.
        if (signal.aborted && pending !== undefined) throw at(pending, this.#site);
        if (left && task.result?.state !== 'fail') throw at(stillWaiting(this.#label), this.#site);
      });
    }
    return { then: (onFulfilled, onRejected) => this.#asking(settled.then(onFulfilled, onRejected)) };
  }

  /** What the user gets: a promise that notes whether anybody asked for its outcome. */
  #asking<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    const note = <U>(next: () => Promise<U>): Promise<U> => {
      this.#asked++;
      return this.#asked < this.#needed ? this.#asking(next()) : next();
    };
    return {
      then: (onFulfilled, onRejected) => note(() => promise.then(onFulfilled, onRejected)),
      catch: (onRejected) => note(() => promise.catch(onRejected)),
      finally: (onFinally) => note(() => promise.finally(onFinally)),
      [Symbol.toStringTag]: 'Promise',
    };
  }
}

/** How long this call may wait, refused at once where the test would end before. */
function timeFor(name: string, { claim, options }: Meant, subject: Subject, task: RunnerTestCase | undefined): Millis {
  const left = subject.clock === systemClock ? timeLeft(task) : Number.POSITIVE_INFINITY;
  const [setting, wished] =
    claim.fromNow === true
      ? (['for', ownLength(claim.args)] as const)
      : (['within', options.within === undefined ? undefined : parseDuration(options.within, 'within')] as const);
  if (wished === undefined) return Math.max(0, Math.min(DEFAULT_WITHIN_MS, left > 2 * MARGIN_MS ? left - MARGIN_MS : left / 2));
  if (wished > left) {
    const limit = task!.timeout;
    throw new HarnessError(
      `${setting}-too-long`,
      `${name}: ${setting} is ${formatDuration(wished)}, but the test has ${formatDuration(Math.max(0, left))} left of its timeout of ${formatDuration(limit)}`,
      `give the test more time, as in test(name, fn, ${Math.ceil((wished + limit - left + 1000) / 1000) * 1000}) or test.testTimeout in the Vitest config, or shorten ${setting}`,
    );
  }
  return wished;
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
function ownTest(state: MatcherState, name: string, site: string): RunnerTestCase | undefined {
  const task = state.task;
  const running = runningTests();
  if (running.size < 2) return task ?? [...running][0];
  if (task !== undefined && running.has(task) && calledThroughContext(task)) return task;
  throw at(
    new HarnessError(
      'global-expect',
      `${name} was called on the global expect while ${running.size} tests run concurrently, so it cannot tell which of them it belongs to`,
      "use the expect of the test's context: test.concurrent('…', async ({ expect }) => { await expect(op)." + name + '() })',
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
  return assertionCalls > before;
}

/** The stack at the call, as text without its first line. Under `.resolves` it was taken when `.resolves` was written. */
function callSite(state: MatcherState, below: (...args: never[]) => unknown): string {
  const flagged: unknown = state.promise === '' ? undefined : chai.util.flag(state.assertion, 'error');
  const holder: { stack?: string } = flagged instanceof Error ? flagged : {};
  if (!(flagged instanceof Error)) Error.captureStackTrace(holder, below);
  const stack = holder.stack ?? '';
  return stack.slice(stack.indexOf('\n    at '));
}

/** Lets an error point at the call of the matcher. */
function at(error: unknown, site: string): unknown {
  if (error instanceof Error && site.startsWith('\n')) error.stack = `${error.name}: ${error.message}${site}`;
  return error;
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

function stillWaiting(label: string): HarnessError {
  return new HarnessError(
    'not-awaited',
    `${label} was still undecided when the test ended`,
    `await it before the end of the test: await ${label}`,
  );
}
