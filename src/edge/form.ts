import { HarnessError, show } from '../errors.ts';
import type { Claim } from '../logic/index.ts';
import { checkOptions } from '../matchers/options.ts';
import { attempt, type Attempt } from '../probes/index.ts';
import { sizeOf } from '../probes/nearness.ts';
import { violation } from '../report/index.ts';
import { parseDuration, systemClock, type Duration, type PaceOption } from '../time/index.ts';
import { signalOf, subject, watch } from '../watch/index.ts';
import { timeLeftTo, timeOf, tooLong } from './budget.ts';
import type { Counting, Edge, Mode } from './edge.ts';
import { Loose } from './loose.ts';
import { lookPast } from './past.ts';
import { watchOver, type Open, type Pending } from './pending.ts';
import { testOver } from './refusals.ts';
import { attachTimeline, remarkMargin, tookOf } from './remarks.ts';
import type { Defaults } from './settings.ts';
import { at, framesOf, type Site } from './site.ts';
import type { Owner } from './owner.ts';

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
  readonly edge: Edge;
  readonly fn: (context: AttemptContext) => T;
  readonly form: Form;
  readonly options: CallOptions;
  readonly chain: readonly Link[];
  readonly owner: Owner | undefined;
  asked = false;
  settled = false;
  cutOff: { readonly error: unknown } | undefined;
  readonly #context: Context;
  readonly #counting: Counting;
  /** What its test still asks about, of which it is one. */
  #open: Open;
  readonly #line: Error | undefined;
  readonly #frames: { readonly stack?: string } | undefined;
  /** What the function came to at the call, and the attempt made of it. */
  readonly #raw: Outcome | undefined;
  readonly #first: Outcome | undefined;
  /** How many assertions had been counted before the latest attempt. */
  #before = 0;
  /** Another call has taken its place: the one with the matcher. */
  #dropped = false;
  #result: Promise<Awaited<T> | undefined> | undefined;
  #held = 0;
  #attempting: (() => boolean) | undefined;
  #loose: Loose | undefined;

  /**
   * The first attempt is made here: most pass, and then nothing else is set up.
   *
   * @param below what of the stack is ours: this function and those that it calls
   * @param line an error made in `below`, with two frames alone. To note a whole stack costs more than all the rest, and of a call
   * that passes at once the line is all that may be wanted
   * @param made what the function came to when it was called for a shorter chain
   */
  constructor(
    edge: Edge,
    fn: (context: AttemptContext) => T,
    form: Form,
    options: CallOptions,
    chain: readonly Link[],
    below: (...args: never[]) => unknown,
    line: Error | undefined,
    owner?: Owner,
    made?: { readonly raw: Outcome; readonly context: Context },
  ) {
    this.edge = edge;
    this.fn = fn;
    this.form = form;
    this.options = options;
    this.chain = chain;
    this.#line = line;
    this.owner = owner ?? edge.ownTest(this);
    if (this.owner?.over === true) throw at(testOver(this.label, this.owner), this.site);
    if (made === undefined && options.within !== undefined) this.#fits(options.within);
    this.#context = made?.context ?? new Context();
    this.#open = watchOver(this, this.owner);
    this.#counting = edge.counting(this.owner);
    if (form.firstDecides) {
      if (made !== undefined) this.#before = this.#counting.assertionCalls;
      this.#raw = made?.raw ?? this.#ask();
      this.#first = this.#attempt(this.#raw);
      if (isPass(this.#first)) {
        this.settled = true;
        this.#context.controller?.abort(nobodyWaits());
        return;
      }
    }
    // Kept as it is: to write it out costs far more, and is left until somebody reads it.
    const frames = {};
    Error.captureStackTrace(frames, below);
    this.#frames = frames;
    // It waits from the call on, not from the await: what is awaited in between is watched as well.
    void SOON.then(() => {
      if (!this.#dropped) void this.start();
    });
  }

  /** A wait that its test would not see the end of is refused at once: it would pass by chance. */
  #fits(within: Duration): void {
    const { owner, edge } = this;
    if (owner === undefined) return;
    const time = timeLeftTo(owner, edge.giveTime);
    const asked = parseDuration(within, 'within');
    if (asked > time.left) throw at(tooLong(this.label, 'within', asked, time), this.site);
  }

  /** Where it was called. */
  get site(): Site {
    if (this.#frames !== undefined) return this.#frames;
    // The first frame of the two is ours.
    const frames = (this.#line?.stack ?? '').split('\n    at ');
    return { stack: ['', ...frames.slice(2)].join('\n    at ') };
  }

  get label(): string {
    const chain = this.chain.map(({ key, args }) => `.${key}${args === undefined ? '' : '()'}`).join('');
    return `${this.form.word}${this.form.soft ? '.soft' : ''}(…)${chain}`;
  }

  get soft(): boolean {
    return this.form.soft;
  }

  /** Gives its place to a call with one more word. */
  with(link: Link, below: (...args: never[]) => unknown, line?: Error): Call<T> {
    return this.#instead([...this.chain, link], below, line);
  }

  /** Gives its place to a call whose last word is called: `include`, which is a word and a method. */
  called(args: readonly unknown[], below: (...args: never[]) => unknown): Call<T> {
    return this.#instead([...this.chain.slice(0, -1), { key: this.chain.at(-1)!.key, args }], below);
  }

  #instead(chain: readonly Link[], below: (...args: never[]) => unknown, line?: Error): Call<T> {
    // What has been asked for already stays as it is: then this is another call, of the same function.
    const made = this.#result === undefined && this.#raw !== undefined ? { raw: this.#raw, context: this.#context } : undefined;
    this.drop();
    return new Call(this.edge, this.fn, this.form, this.options, chain, below, line, this.owner, made);
  }

  /** Nobody is to await this one, and it need not begin. */
  drop(): void {
    if (this.#result !== undefined) return;
    this.#dropped = true;
    this.#open.calls.delete(this);
    if (this.settled) this.#counting.assertionCalls = this.#before;
  }

  ask(): Promise<Awaited<T> | undefined> {
    this.asked = true;
    if (this.settled) this.#done();
    return this.start();
  }

  /** What it passed with, in a box, where that was at once. */
  get passed(): { readonly value: Awaited<T> } | undefined {
    return this.settled && this.#frames === undefined ? (this.#first as { readonly value: Awaited<T> }) : undefined;
  }

  /** It has been asked for. */
  answered(): void {
    this.asked = true;
    this.#done();
  }

  /** The end of the test need not look after it, but for what was derived from it. */
  #done(): void {
    if (this.#loose === undefined) this.#open.calls.delete(this);
  }

  /** What is derived from its promise, as by `.then(…)` without a second function, and may be awaited in its stead. */
  derived<U>(promise: Promise<U>): Promise<U> {
    if (this.#loose === undefined) {
      // Its test may have ended meanwhile.
      this.#open = watchOver(this, this.owner);
      this.#loose = new Loose();
    }
    return this.#loose.derived(promise);
  }

  close(): readonly unknown[] {
    return this.#loose?.close() ?? NONE;
  }

  start(): Promise<Awaited<T> | undefined> {
    this.#result ??= this.settled ? Promise.resolve((this.#first as { readonly value: Awaited<T> }).value) : this.#begin();
    return this.#result;
  }

  async end(why: string): Promise<void> {
    this.#abort(new Error(why));
    await this.#result?.catch(nothing);
  }

  /** Calls the function. */
  #ask(): Outcome {
    this.#before = this.#counting.assertionCalls;
    try {
      return { value: this.fn(this.#context) };
    } catch (thrown) {
      return { thrown };
    }
  }

  /** One attempt; what it threw is an outcome as well. */
  #attempt(raw: Outcome): Outcome {
    try {
      const value = this.#try(raw);
      if ('value' in raw && value === raw.value && !isThenable(value)) return raw;
      // Nobody may come to hear of it, where another call takes this one's place.
      if (isThenable(value)) value.then(undefined, nothing);
      return { value };
    } catch (thrown) {
      return { thrown };
    }
  }

  #begin(): Promise<Awaited<T> | undefined> {
    const result = this.#wait().then(
      (value) => {
        this.#settle();
        return value;
      },
      (error: unknown) => {
        const told = at(error, this.site);
        if (this.#context.controller?.signal.aborted === true) this.cutOff = { error: told };
        this.#settle();
        const { failSoftly } = this.edge;
        if (!this.soft || this.owner === undefined || failSoftly === undefined || error instanceof HarnessError) throw told;
        failSoftly(this.owner, told);
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
    // What the test's end cut off is told then.
    if (this.asked && this.cutOff === undefined) this.#done();
  }

  async #wait(): Promise<Awaited<T> | undefined> {
    const { edge, owner, form, site, fn, chain } = this;
    // The first look finds the attempt made already.
    let made = this.#first;
    const next = (): unknown => {
      if (made === undefined) return this.#try(this.#ask());
      const outcome = made;
      made = undefined;
      if ('thrown' in outcome) throw outcome.thrown as Error;
      return outcome.value;
    };
    const name = this.options.name ?? (fn.name === '' ? (chain.length === 0 ? 'the block' : 'the probe') : fn.name);
    const source = attempt(next, { name, held: () => this.#held }) as Attempt<Awaited<T>>;
    const options = this.#settings();
    const claim = form.claim(this.chain.length === 0 ? undefined : inWords(this.chain), options);
    const { within, notes } = timeOf({
      ...{ claim, label: this.label, wished: options.within, owner, giveTime: edge.giveTime },
    });
    const controller = this.#context.open();
    const ofTest = owner?.signal;
    const stop = (): void => controller.abort(ofTest?.reason);
    if (ofTest?.aborted === true) stop();
    else ofTest?.addEventListener('abort', stop, { once: true });
    const start = systemClock.now();
    const watched = subject([source], { name });
    const how = { pace: options.pace, signal: controller.signal, beforeLook: edge.moveTimers };
    try {
      const judgement = await watch(watched, claim, { ...how, within });
      if (judgement.verdict === 'holds') {
        if (claim.fromNow !== true)
          await remarkMargin(edge, owner, this.label, tookOf(judgement, systemClock.now() - start), within);
        return source.value;
      }
      const cause = source.failure === undefined ? undefined : this.#causeOf(source.failure.thrown);
      // Nothing is put between the end of the test and what is told of it.
      const past =
        judgement.decidedBy !== 'deadline'
          ? undefined
          : await lookPast({ claim, judgement, asked: options.lookPast, within, owner }, (looked) =>
              watch(watched, claim, { ...how, within: looked, unrecorded: true }),
            );
      const error = at(violation({ claim, judgement, subject: watched, within, past, notes, cause }), site);
      // A test whose time is up waits for nothing more.
      const attached = attachTimeline(edge, owner, this.label, { trace: watched.trace, judgement, name });
      if (judgement.decidedBy !== 'aborted') await attached;
      throw error;
    } finally {
      ofTest?.removeEventListener('abort', stop);
      // Whoever holds the signal is to see that nobody waits any more. A failure by the test's end is known by it, and stays so.
      if (!controller.signal.aborted) this.#context.controller = undefined;
      controller.abort(nobodyWaits());
    }
  }

  /** What holds for this call: its own options, else the defaults of its suite. */
  #settings(): CallOptions & Defaults {
    const given = Object.fromEntries(Object.entries(this.options).filter(([, value]) => value !== undefined)) as CallOptions;
    return { ...this.edge.defaults(this.owner), ...given };
  }

  /** What was thrown last, with the frames that are the user's: below them are ours alone. */
  #causeOf(thrown: unknown): unknown {
    if (!(thrown instanceof Error)) return thrown;
    const copy = light(thrown);
    const lines = (thrown.stack ?? '').split('\n');
    const ours = lines.findIndex((line) => line.includes(import.meta.filename ?? import.meta.url));
    const own = this.chain.length > 0 && this.edge.isAssertion(thrown);
    copy.stack = own
      ? `${thrown.name}: ${thrown.message}${framesOf(this.site)}`
      : (ours < 0 ? lines : lines.slice(0, ours)).join('\n');
    return copy;
  }

  /** One attempt, of what the function came to; its assertions are counted only where it passes. */
  #try(raw: Outcome): unknown {
    const counting = this.#counting;
    const before = this.#before;
    let value: unknown;
    try {
      if (this.chain.length > 0) value = this.#evaluate(raw);
      else if ('thrown' in raw) throw raw.thrown as Error;
      else ({ value } = raw);
    } catch (error) {
      this.#notCounted(counting, before, true);
      throw error;
    }
    if (isThenable(value)) return this.#later(value, counting, before);
    if (value === false) counting.assertionCalls = before;
    else if (counting.assertionCalls === before) counting.assertionCalls++;
    return value;
  }

  #later(value: PromiseLike<unknown>, counting: Counting, before: number): Promise<unknown> {
    const alone = (this.#attempting = overlap(counting));
    return Promise.resolve(value).then(
      (answer) => {
        if (alone() && !this.#dropped && counting.assertionCalls === before) counting.assertionCalls++;
        return answer;
      },
      (error: unknown) => {
        this.#notCounted(counting, before, alone() && !this.#dropped);
        throw error;
      },
    );
  }

  /** @param alone while others assert at the same time, nobody can tell whose they were */
  #notCounted(counting: Counting, before: number, alone: boolean): void {
    this.#held = alone ? Math.max(0, counting.assertionCalls - before - 1) : 0;
    if (alone) counting.assertionCalls = before;
  }

  #evaluate(raw: Outcome): unknown {
    const { mode, last } = readingOf(this.chain);
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
    if ('thrown' in raw) return threw(raw.thrown);
    const { value } = raw;
    return isThenable(value) ? Promise.resolve(value).then(told, threw) : told(value);
  }

  /** The runner's own matcher on a value; what it gives back is of no interest, but that it may be a promise. */
  #assert(value: unknown, mode: Mode): unknown {
    let assertion: unknown = this.edge.assertion(this.owner, value, mode);
    for (const { key, args } of this.chain) {
      if (key === 'resolves' || key === 'rejects') continue;
      const next: unknown = Reflect.get(assertion as object, key);
      assertion = args === undefined ? next : Reflect.apply(next as () => unknown, assertion, args);
    }
    return isThenable(assertion) ? Promise.resolve(assertion).then(nothing) : undefined;
  }

  #abort(reason: Error): void {
    this.#context.open().abort(reason);
  }
}

/** What a function is given. It goes on to a call with one more word, which does not call it anew. */
class Context implements AttemptContext {
  controller: AbortController | undefined;

  /** Made when it is asked for, as most never do. */
  open(): AbortController {
    return (this.controller ??= new AbortController());
  }

  get signal(): AbortSignal {
    return this.open().signal;
  }
}

/** What came of an attempt: a value, which may be a promise, or what was thrown. */
type Outcome = { readonly value: unknown } | { readonly thrown: unknown };

const SOON = Promise.resolve();
const NONE: readonly never[] = [];

/** Whether it passed at once. */
function isPass(outcome: Outcome): boolean {
  return 'value' in outcome && outcome.value !== false && !isThenable(outcome.value);
}

/** How a chain reads the probe's answer, and the matcher at its end. */
function readingOf(chain: readonly Link[]): { readonly mode: Mode; readonly last: string } {
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
    if (sizeOf(arg, MAX_SHOWN) >= MAX_SHOWN) return Array.isArray(arg) ? `a list of ${arg.length}` : 'a large object';
  }
  if (typeof arg === 'string' && arg.length > MAX_SHOWN) return show(`${arg.slice(0, MAX_SHOWN)}…`);
  return show(arg);
}

/** Larger arguments, in parts or characters, are named, not shown. */
const MAX_SHOWN = 80;

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

function nobodyWaits(): Error {
  return new Error('nobody waits any more');
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

/** Refuses what is no function, and options that are not known. */
export function checkCall(form: Form, fn: unknown, options: unknown): void {
  if (typeof fn !== 'function') {
    throw new HarnessError(
      'not-a-function',
      `${form.word}: expected a function to call again and again, received ${show(fn)}, which cannot change any more`,
      `write ${form.word}(() => inbox.count())`,
    );
  }
  if (options !== undefined)
    checkOptions(options as CallOptions, form.word, form.known, `${form.word}(fn, { ${form.known[0]}: '2s' })`);
}
