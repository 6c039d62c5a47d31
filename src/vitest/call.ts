import { chai, expect, vi, type RunnerTestCase } from 'vitest';
import { HarnessError, show } from '../errors.ts';
import type { Claim, Judgement } from '../logic/index.ts';
import { attempt, type Attempt } from '../probes/index.ts';
import { violation } from '../report/index.ts';
import { parseDuration, paceFrom, systemClock, type Duration, type Millis, type PaceOption } from '../time/index.ts';
import { LAST_LOOK_GRACE_MS, signalOf, subject, watch, type LookContext, type Looked, type Pull } from '../watch/index.ts';
import { timeLeft } from './attempt.ts';
import { at, letGo, owner, watchOver, type Pending } from './pending.ts';
import { attachTimeline, remarkMargin } from './remarks.ts';
import { budget, defaultsFor, lookPastFor, tooLong, type Defaults } from './settings.ts';
import { assertionFor, failSoftly } from './soft.ts';

/** What a wait leaves of the test's time, in milliseconds, so that our message comes before the runner's. */
const MARGIN_MS: Millis = LAST_LOOK_GRACE_MS + 100;

/** One word of `….not.toBe(1)`. */
export interface Link {
  readonly key: string;
  /** Its arguments, where it was called. */
  readonly args?: readonly unknown[];
}

/** What a block or a probe is called with. */
export interface AttemptContext {
  /** Aborts when nobody waits any more: hand it to what the block awaits. */
  readonly signal: AbortSignal;
}

export interface CallOptions {
  readonly within?: Duration | undefined;
  readonly for?: Duration | undefined;
  readonly pace?: PaceOption | undefined;
  readonly lookPast?: Duration | undefined;
  /** What it is called in a message; by default the function's name. */
  readonly name?: string | undefined;
}

/** What tells `eventually` from `consistently`. */
export interface Form {
  readonly word: string;
  readonly soft: boolean;
  readonly known: readonly (keyof CallOptions)[];
  /** The first attempt may decide by itself, as a pass does. */
  readonly firstDecides: boolean;
  claim(matcher: string | undefined, options: CallOptions & Defaults): Claim;
}

/** Matchers that want a function which throws. */
const THROWING: ReadonlySet<string> = new Set(['toThrow', 'toThrowError', 'throw', 'throws', 'Throw']);

/** One `eventually(…)` or `consistently(…)`, with the matcher that follows, if one does. */
export class Call<T> implements Pending {
  readonly site: { readonly stack?: string } = {};
  readonly fn: (context: AttemptContext) => T;
  readonly form: Form;
  readonly options: CallOptions;
  readonly chain: readonly Link[];
  readonly task: RunnerTestCase | undefined;
  asked = false;
  settled = false;
  cutOff: { readonly error: unknown } | undefined;
  /** Another call has taken its place: the one with the matcher. */
  #dropped = false;
  #result: Promise<Awaited<T> | undefined> | undefined;
  #controller: AbortController | undefined;
  #held = 0;
  #attempting: (() => boolean) | undefined;

  constructor(
    fn: (context: AttemptContext) => T,
    form: Form,
    options: CallOptions,
    chain: readonly Link[],
    below: (...args: never[]) => unknown,
    task?: RunnerTestCase,
  ) {
    this.fn = fn;
    this.form = form;
    this.options = options;
    this.chain = chain;
    // The frames are kept; to write them out costs far more, and is left until somebody reads them.
    Error.captureStackTrace(this.site, below);
    this.task = task ?? owner(this);
    watchOver(this, this.task);
    // It waits from the call on, not from the await: what is awaited in between is watched as well.
    queueMicrotask(() => {
      if (!this.#dropped) void this.start();
    });
  }

  get label(): string {
    const chain = this.chain.map(({ key, args }) => `.${key}${args === undefined ? '' : '()'}`).join('');
    return `${this.form.word}${this.form.soft ? '.soft' : ''}(…)${chain}`;
  }

  get soft(): boolean {
    return this.form.soft;
  }

  /** Gives its place to a call with one more word. */
  with(link: Link, below: (...args: never[]) => unknown): Call<T> {
    this.drop();
    return new Call(this.fn, this.form, this.options, [...this.chain, link], below, this.task);
  }

  /** Gives its place to a call whose last word is called: `include`, which is a word and a method. */
  called(args: readonly unknown[], below: (...args: never[]) => unknown): Call<T> {
    this.drop();
    const chain = [...this.chain.slice(0, -1), { key: this.chain.at(-1)!.key, args }];
    return new Call(this.fn, this.form, this.options, chain, below, this.task);
  }

  /** Nobody is to await this one, and it need not begin. */
  drop(): void {
    if (this.#result !== undefined) return;
    this.#dropped = true;
    letGo(this, this.task);
  }

  ask(): Promise<Awaited<T> | undefined> {
    this.asked = true;
    if (this.settled) letGo(this, this.task);
    return this.start();
  }

  start(): Promise<Awaited<T> | undefined> {
    this.#result ??= this.#begin();
    return this.#result;
  }

  async end(why: string): Promise<void> {
    this.#abort(new Error(why));
    await this.#result?.catch(nothing);
  }

  /** What most calls come to: they pass at once, and nothing else is set up for them. */
  #begin(): Promise<Awaited<T> | undefined> {
    const { chain, fn, form, options } = this;
    let first: Looked | Promise<Looked> | undefined;
    let source: Attempt<Awaited<T>>;
    try {
      source = attempt<unknown>(() => this.#try(), {
        name: options.name ?? (fn.name === '' ? (chain.length === 0 ? 'the block' : 'the probe') : fn.name),
        held: () => this.#held,
      }) as Attempt<Awaited<T>>;
      if (form.firstDecides) {
        first = source.look(FIRST_LOOK);
        if (!(first instanceof Promise) && source.failure === undefined) {
          this.#settle();
          this.#controller?.abort(nobodyWaits());
          return Promise.resolve(source.value);
        }
      }
    } catch (error) {
      this.#settle();
      const refused = (async (): Promise<never> => {
        throw at(error, this.site);
      })();
      refused.catch(nothing);
      return refused;
    }
    const result = this.#wait(source, first).then(
      (value) => {
        this.#settle();
        return value;
      },
      (error: unknown) => {
        this.#settle();
        const told = at(error, this.site);
        if (this.#controller?.signal.aborted === true) this.cutOff = { error: told };
        if (!this.soft || this.task === undefined || error instanceof HarnessError) throw told;
        failSoftly(this.task, told);
        return undefined;
      },
    );
    // Whoever forgot to await is told at the end of the test; the runner must not blame another test for a rejection.
    result.catch(nothing);
    return result;
  }

  #settle(): void {
    this.settled = true;
    // An attempt that hung stands in nobody's way any more.
    this.#attempting?.();
    this.#attempting = undefined;
    if (this.asked) letGo(this, this.task);
  }

  async #wait(source: Attempt<Awaited<T>>, first: Looked | Promise<Looked> | undefined): Promise<Awaited<T> | undefined> {
    const { task, form, site } = this;
    const options = this.#settings();
    const claim = form.claim(this.chain.length === 0 ? undefined : inWords(this.chain), options);
    const { within, notes } = this.#time(claim, options);
    const controller = (this.#controller ??= new AbortController());
    const ofTest = task?.context.signal;
    const stop = (): void => controller.abort(ofTest?.reason);
    if (ofTest?.aborted === true) stop();
    else ofTest?.addEventListener('abort', stop, { once: true });
    const start = systemClock.now();
    const watched = subject([resumed(source, first)], { name: source.name });
    const how = { pace: options.pace, signal: controller.signal, beforeLook: moveFakeTimers };
    try {
      const judgement = await watch(watched, claim, { ...how, within });
      if (judgement.verdict === 'holds') {
        if (claim.fromNow !== true) await remarkMargin(task, this.label, systemClock.now() - start, within);
        return source.value;
      }
      const cause = source.failure === undefined ? undefined : this.#causeOf(source.failure.thrown);
      const past = await this.#lookPast(claim, judgement, options, within, (looked) =>
        watch(watched, claim, { ...how, within: looked }),
      );
      const error = at(violation({ claim, judgement, subject: watched, within, past, notes, cause }), site);
      await attachTimeline(task, this.label, { trace: watched.trace, judgement, name: source.name });
      throw error;
    } finally {
      ofTest?.removeEventListener('abort', stop);
      // Whoever holds the signal is to see that nobody waits any more. A failure by the test's end is known by it, and stays so.
      if (!controller.signal.aborted) this.#controller = undefined;
      controller.abort(nobodyWaits());
    }
  }

  /** What holds for this call: its own options, else the defaults of its suite. */
  #settings(): CallOptions & Defaults {
    const given = Object.fromEntries(Object.entries(this.options).filter(([, value]) => value !== undefined)) as CallOptions;
    const options = { ...defaultsFor(this.task), ...given };
    if (options.pace !== undefined) paceFrom(options.pace);
    return options;
  }

  #time(claim: Claim, options: CallOptions): { readonly within: Millis; readonly notes: readonly string[] } {
    const { task, label } = this;
    const left = timeLeft(task);
    const limit = Number.isFinite(left) ? task?.timeout : undefined;
    if (claim.fromNow !== true) return budget(options.within, { left, margin: MARGIN_MS, label, limit });
    const length = parseDuration(options.for!, 'for');
    if (length > left) throw tooLong(label, 'for', length, left, limit);
    return { within: length, notes: [] };
  }

  /** What was thrown last, with the frames that are the user's: below them are ours alone. */
  #causeOf(thrown: unknown): unknown {
    if (!(thrown instanceof Error)) return thrown;
    const copy = light(thrown);
    const lines = (thrown.stack ?? '').split('\n');
    const ours = lines.findIndex((line) => line.includes(import.meta.filename ?? import.meta.url));
    const own = this.chain.length > 0 && thrown instanceof chai.AssertionError;
    const site = this.site.stack ?? '';
    copy.stack = own
      ? `${thrown.name}: ${thrown.message}${site.slice(site.indexOf('\n    at '))}`
      : (ours < 0 ? lines : lines.slice(0, ours)).join('\n');
    return copy;
  }

  /** Whether it would have passed a little later. It changes no verdict. */
  async #lookPast(
    claim: Claim,
    judgement: Judgement,
    options: CallOptions,
    within: Millis,
    again: (looked: Millis) => Promise<Judgement>,
  ): Promise<{ readonly looked: Millis; readonly held?: Millis } | undefined> {
    if (claim.fromNow === true || judgement.decidedBy !== 'deadline') return undefined;
    const looked = lookPastFor(options.lookPast, within, timeLeft(this.task) - MARGIN_MS);
    if (looked <= 0) return undefined;
    const later = await again(looked);
    if (later.verdict !== 'holds') return { looked };
    return { looked, held: Math.max(0, later.at! - judgement.at!) };
  }

  /** One attempt; its assertions are counted only where it passes. */
  #try(): unknown {
    const counting = countedBy(this.task);
    const before = counting.getState().assertionCalls;
    const failed = (error: unknown, alone: boolean): never => {
      // While others assert at the same time, nobody can tell whose they were.
      this.#held = alone ? Math.max(0, counting.getState().assertionCalls - before - 1) : 0;
      if (alone) counting.setState({ assertionCalls: before });
      throw error;
    };
    let value: unknown;
    try {
      value = this.#evaluate();
    } catch (error) {
      return failed(error, true);
    }
    if (!isThenable(value)) {
      if (value === false) counting.setState({ assertionCalls: before });
      else if (counting.getState().assertionCalls === before) counting.setState({ assertionCalls: before + 1 });
      return value;
    }
    const alone = (this.#attempting = overlap(counting));
    return Promise.resolve(value).then(
      (answer) => {
        const only = alone();
        if (only && counting.getState().assertionCalls === before) counting.setState({ assertionCalls: before + 1 });
        return answer;
      },
      (error: unknown) => failed(error, alone()),
    );
  }

  #evaluate(): unknown {
    const { chain, fn } = this;
    if (chain.length === 0) return fn(this.#context);
    const { mode, last } = readingOf(chain);
    const threw = (error: unknown): unknown => {
      if (error instanceof HarnessError || signalOf(error) !== undefined) throw error;
      if (mode === 'rejects') return this.#assert(error, mode);
      if (mode === '' && THROWING.has(last)) {
        return this.#assert(() => {
          throw error;
        }, mode);
      }
      throw error;
    };
    const told = (value: unknown): unknown => {
      if (mode === 'rejects') throw new Error(`expected it to reject, but it resolved to ${show(value)}`);
      return this.#assert(mode === '' && THROWING.has(last) && typeof value !== 'function' ? () => value : value, mode);
    };
    let value: unknown;
    try {
      value = fn(this.#context);
    } catch (error) {
      return threw(error);
    }
    return isThenable(value) ? Promise.resolve(value).then(told, threw) : told(value);
  }

  /** The runner's own matcher on a value; what it gives back is of no interest, but that it may be a promise. */
  #assert(value: unknown, mode: string): unknown {
    let assertion: unknown = assertionFor(this.task, value);
    // Whoever wrote the matcher can see that it is asked again and again.
    chai.util.flag(assertion as Chai.Assertion, 'poll', true);
    if (mode !== '') chai.util.flag(assertion as Chai.Assertion, 'promise', mode);
    for (const { key, args } of this.chain) {
      if (key === 'resolves' || key === 'rejects') continue;
      const next: unknown = Reflect.get(assertion as object, key);
      assertion = args === undefined ? next : Reflect.apply(next as () => unknown, assertion, args);
    }
    return isThenable(assertion) ? Promise.resolve(assertion).then(nothing) : undefined;
  }

  readonly #context: AttemptContext = contextOf(() => {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  });

  #abort(reason: Error): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}

function contextOf(signal: () => AbortSignal): AttemptContext {
  return {
    get signal() {
      return signal();
    },
  };
}

/** The look that is taken before anything is watched. The source reads nothing of it but that it is the first. */
const FIRST_LOOK = { fresh: true, last: false, clock: systemClock } as unknown as LookContext;

/** The source with its first look taken already. */
function resumed(source: Pull, first: Looked | Promise<Looked> | undefined): Pull {
  let taken = first;
  return {
    name: source.name,
    look: (context) => {
      if (taken === undefined) return source.look(context);
      const looked = taken;
      taken = undefined;
      return looked;
    },
  };
}

/** How a chain reads the probe's answer, and the matcher at its end. */
function readingOf(chain: readonly Link[]): { readonly mode: '' | 'resolves' | 'rejects'; readonly last: string } {
  const mode = chain.find(({ key }) => key === 'resolves' || key === 'rejects')?.key as 'resolves' | 'rejects' | undefined;
  return { mode: mode ?? '', last: chain.at(-1)?.key ?? '' };
}

/** `not.toBe(5)`. */
function inWords(chain: readonly Link[]): string {
  return chain
    .map(({ key, args }) => (args === undefined ? key : `${key}(${args.map((arg) => shortly(arg)).join(', ')})`))
    .join('.');
}

/** An argument as a message shows it; JSON of a large one would cost more than it tells. */
function shortly(arg: unknown): string {
  if (typeof arg === 'function') return arg.name === '' ? 'a function' : arg.name;
  if (arg === undefined) return 'undefined';
  if (typeof arg === 'object' && arg !== null) {
    if (arg instanceof RegExp || 'asymmetricMatch' in arg) return (arg as { toString(): string }).toString();
    if (arg instanceof Error) return `${arg.name}: ${arg.message}`;
    const size = Array.isArray(arg) ? arg.length : Object.keys(arg).length;
    if (size > MAX_MEMBERS_SHOWN) return Array.isArray(arg) ? `a list of ${size}` : `an object of ${size} members`;
  }
  if (typeof arg === 'string' && arg.length > MAX_MEMBERS_SHOWN * 4) return show(`${arg.slice(0, MAX_MEMBERS_SHOWN * 4)}…`);
  return show(arg);
}

const MAX_MEMBERS_SHOWN = 20;

/** Over this many characters or members, what an assertion compared is not handed on to the runner, which would render it all. */
const MAX_COMPARED = 2000;

/** The failure as the runner may show it: it renders a diff of both sides, whatever their size. */
function light(thrown: Error): Error {
  if (!('actual' in thrown || 'expected' in thrown)) return thrown;
  const { actual, expected } = thrown as { actual?: unknown; expected?: unknown };
  if (sizeOf(actual, MAX_COMPARED) + sizeOf(expected, MAX_COMPARED) < MAX_COMPARED) return thrown;
  const copy = new Error(thrown.message);
  copy.name = thrown.name;
  return copy;
}

/** How much there is to render, counted no further than `most`. */
function sizeOf(value: unknown, most: number): number {
  if (typeof value === 'string') return Math.min(most, value.length / 10);
  if (typeof value !== 'object' || value === null) return 1;
  let size = 1;
  const seen = new Set<object>([value]);
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined && size < most; next = open.pop()) {
    for (const inner of Object.values(next) as unknown[]) {
      if (++size >= most) break;
      if (typeof inner === 'string') size += inner.length / 10;
      else if (typeof inner === 'object' && inner !== null && !seen.has(inner)) {
        seen.add(inner);
        open.push(inner);
      }
    }
  }
  return size;
}

/** While fake timers are installed they are moved on as real time goes by, as the runner's own polling does. */
function moveFakeTimers(sinceLast: Millis): void {
  if (vi.isFakeTimers()) vi.advanceTimersByTime(Math.max(1, Math.round(sinceLast)));
}

function nobodyWaits(): Error {
  return new Error('nobody waits any more');
}

interface Counting {
  getState(): { readonly assertionCalls: number };
  setState(state: { assertionCalls: number }): void;
}

/** Whether a test has asked for an expect of its own: to ask for it would give it one. */
const LOCAL = '_local';

/** The expect whose assertions the test's `expect.assertions` counts: its own, once it has asked for it. */
function countedBy(task: RunnerTestCase | undefined): Counting {
  const context = task?.context as { readonly [LOCAL]?: boolean; readonly expect: Counting } | undefined;
  return context?.[LOCAL] === true ? context.expect : expect;
}

/** Attempts under way on one expect, each with whether another was under way at any time of it. */
const underWay: WeakMap<Counting, Set<{ alone: boolean }>> = new WeakMap();

/** Notes an attempt that awaits something; what is returned ends it, and tells whether it was the only one all the time. */
function overlap(counting: Counting): () => boolean {
  let all = underWay.get(counting);
  if (all === undefined) underWay.set(counting, (all = new Set()));
  const own = { alone: all.size === 0 };
  for (const other of all) other.alone = false;
  all.add(own);
  return () => {
    all.delete(own);
    return own.alone;
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function nothing(): void {}

/** What the options are called in other libraries. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  timeout: 'within',
  atMost: 'within',
  interval: 'pace',
  intervals: 'pace',
  polling: 'pace',
  message: 'name',
  duration: 'for',
};

/** Refuses what is no function, and options that are not known. */
export function checkCall(form: Form, fn: unknown, options: unknown): void {
  if (typeof fn !== 'function') {
    throw new HarnessError(
      'not-a-function',
      `${form.word}: expected a function to call again and again, received ${show(fn)}, which cannot change any more`,
      `write ${form.word}(() => inbox.count())`,
    );
  }
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new HarnessError(
      'invalid-options',
      `${form.word}: expected options, received ${show(options)}`,
      `write them as in ${form.word}(fn, { ${form.known[0]}: '2s' })`,
    );
  for (const name of Object.keys(options)) {
    if ((form.known as readonly string[]).includes(name)) continue;
    const meant = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : undefined;
    throw new HarnessError(
      'invalid-options',
      `${form.word}: there is no option '${name}'`,
      meant !== undefined && (form.known as readonly string[]).includes(meant)
        ? `did you mean '${meant}'?`
        : `there are ${form.known.join(', ')}`,
    );
  }
  const { within, for: length } = options as CallOptions;
  if (within !== undefined) parseDuration(within, 'within');
  if (length !== undefined) parseDuration(length, 'for');
}
