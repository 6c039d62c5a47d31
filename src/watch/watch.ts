import { HarnessError, isError, show } from '../errors.ts';
import { contextOf } from '../logic/ties.ts';
import type { Claim, Closing, Judge, Judgement, Tested } from '../logic/index.ts';
import { toldIn } from '../logic/ending.ts';
import {
  adaptive,
  MIN_GAP_MS,
  NOT_DUE,
  paceFrom,
  Rounds,
  type LookTiming,
  type Pace,
  type PaceOption,
  type Waiter,
} from '../time/pace.ts';
import { Alarms, type Sleeper } from '../time/alarms.ts';
import { parseDuration, type Duration, type Millis } from '../time/duration.ts';
import { plain } from '../trace/plain.ts';
import { redactText } from '../trace/redact.ts';
import type { Event, EventOf, Observation, Trace } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';
import { isPull, type LookContext, type Looked, type Pull, type Push, type Viewed } from './source.ts';
import { signalOf } from './signals.ts';
import type { Subject } from './subject.ts';
import { SharedViews, Views } from './views.ts';

/** How long a watch waits unless told otherwise, in milliseconds: within the 5 s that most runners give a test. */
export const DEFAULT_WITHIN_MS: Millis = 4000;
/** How long a look that is under way at the deadline may still take, in milliseconds, before it is called hung. */
export const LAST_LOOK_GRACE_MS: Millis = 250;
/** Time for what is already on its way to arrive, in milliseconds. */
const ONE_TURN_MS: Millis = 20;

export interface WatchOptions {
  /** How long to wait for a decision; 4 s by default. A claim of stability brings its own length and ignores this. */
  readonly within?: Duration | undefined;
  /** When to look again; by default what suits the source. A pace given here overrules the server's wish (Retry-After). */
  readonly pace?: PaceOption | undefined;
  /** Ends the watch at once, undecided. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each look with the milliseconds since the one before (0 at first): an edge moves its fake timers on. */
  readonly beforeLook?: ((sinceLast: Millis) => void) | undefined;
  /** The judgement is not written into the recording: it answers another question than the one that the recording is about. */
  readonly unrecorded?: boolean | undefined;
}

/**
 * Watches a subject until the claim is decided, or time is up.
 *
 * The first look is taken at once, a last one at the deadline. A look that does not come back is called hung; a look that
 * fails is an observation. When the promise settles, nothing of the watch goes on.
 *
 * @returns the judgement; it never rejects for what the system under test does
 * @throws HarnessError for a bad duration, a subject without sources, a claim that names an unknown state
 *
 * @example
 * ```ts
 * import { subject, watch } from 'holdfast';
 * import { succeed } from 'holdfast/logic';
 * import { poll } from 'holdfast/probes';
 * let paid = false;
 * setTimeout(() => (paid = true), 20);
 * const judgement = await watch(subject([poll(() => paid)]), succeed(), { within: '1s' });
 * judgement.verdict; // => 'holds'
 * ```
 */
export function watch(subject: Subject, claim: Claim, options: WatchOptions = NO_OPTIONS): Promise<Judgement> {
  try {
    const within = options.within === undefined ? DEFAULT_WITHIN_MS : parseDuration(options.within, 'within');
    const pace = options.pace === undefined ? undefined : paceFrom(options.pace);
    if (subject.sources.length === 0) {
      throw new HarnessError(
        'nothing-to-watch',
        'the subject has no sources, so nothing could ever be seen',
        'give it at least one probe, as in subject([poll(fn)])',
      );
    }
    const first = firstLook(subject, claim, options);
    if (first?.judgement !== undefined) return Promise.resolve(first.judgement);
    return new Promise((resolve, reject) => {
      const wait = new Wait(Watched.by(subject, first), claim, within, pace, resolve, reject, options, first);
      try {
        wait.begin();
      } catch (error) {
        wait.fail(error);
      }
    });
  } catch (error) {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what was thrown is handed on as it is
    return Promise.reject(error);
  }
}

const NO_OPTIONS: WatchOptions = {};

/**
 * The first look at a subject that nobody has watched, taken and judged before anything else is set up: most waits are for what is
 * so already, and need no deadline, no pace and nobody to share looks with. What it does not decide is waited for as ever.
 */
class First {
  /** When it began, on the subject's clock and in its trace. */
  readonly start: Millis;
  readonly since: Millis;
  readonly judge: Judge;
  readonly context: Context;
  /** How many observations have been judged. */
  judged = 0;
  /** What it brought, for who goes on to wait; undefined where that is in the trace and of no more use. */
  looked: Looked | PromiseLike<Looked> | undefined;
  /** The events that it brought are in the trace already. */
  recorded = false;
  /** It was enough. */
  judgement: Judgement | undefined;
  readonly #subject: Subject;
  readonly #claim: Claim;
  readonly #signal: AbortSignal | undefined;

  constructor(subject: Subject, source: Pull, claim: Claim, signal: AbortSignal | undefined) {
    this.#subject = subject;
    this.#claim = claim;
    this.#signal = signal;
    this.start = subject.clock.now();
    this.since = subject.trace.now();
    this.judge = claim.start(contextOf(subject.trace, this.since, 0));
    this.context = new Context(subject, source);
  }

  take(source: Pull): void {
    const { trace } = this.#subject;
    let looked: Looked | PromiseLike<Looked>;
    try {
      looked = source.look(this.context);
    } catch (error) {
      if (error instanceof HarnessError) throw error;
      looked = lookedAt(error);
    }
    // What it told before it came back may have been enough, and then nobody is told the rest.
    this.#judge();
    if (this.judgement === undefined && !isThenable(looked) && broughtNews(looked)) {
      this.recorded = true;
      for (let i = 0; i < looked.events.length; i++) {
        trace.record(source.name, looked.events[i]!);
        if (this.judgement === undefined) this.#judge();
      }
    }
    // Somebody else began to watch it while it looked, and has looked at it since: that is the latest look.
    if (this.judgement === undefined && !Watched.has(this.#subject)) this.looked = looked;
    else if (isThenable(looked)) looked.then(nothing, nothing);
  }

  /** Takes in what has come since, until it is enough. */
  #judge(): void {
    const { trace } = this.#subject;
    const { observations } = trace;
    // Whoever follows the trace may have ended the wait.
    while (this.judged < observations.length && this.#signal?.aborted !== true) {
      if (this.judge.step(observations[this.judged++]!) !== 'undecided') return this.#settle(this.judge.judgement(), undefined);
    }
    if (this.#signal?.aborted !== true && !Watched.closed(this.#subject)) return;
    const why = this.#signal?.aborted === true ? abortReason(this.#signal) : 'closed';
    const closing: Closing = { by: 'aborted', at: trace.now(), why };
    this.#settle(this.judge.close(closing), closing);
  }

  #settle(judgement: Judgement, closing: Closing | undefined): void {
    this.context.abort();
    this.judgement = judgement;
    noted(this.#subject.trace, this.#claim, 0, this.since, this.judged, judgement, closing, undefined);
  }
}

/** @returns undefined where the first look is to be taken like any other */
function firstLook(subject: Subject, claim: Claim, { signal, beforeLook, unrecorded }: WatchOptions): First | undefined {
  if (unrecorded === true) return undefined;
  const { sources } = subject;
  const source = sources[0]!;
  if (sources.length > 1 || !isPull(source) || claim.fromNow === true || claim.test !== undefined) return undefined;
  if (subject.trace.observations.length > 0 || signal?.aborted === true || Watched.has(subject)) return undefined;
  const first = new First(subject, source, claim, signal);
  beforeLook?.(0);
  first.take(source);
  return first;
}

/**
 * Opens a subject's push sources, once, and resolves when all of them listen: what is sent from then on is seen. A watch and an operation
 * do so by themselves, before they look and before they start.
 *
 * @throws HarnessError where one of them cannot be listened to; those that listened already are closed
 *
 * @example
 * ```ts
 * import { closeSubject, openSources, subject } from 'holdfast';
 * const bell = subject([
 *   {
 *     name: 'bell',
 *     async open({ record }) {
 *       record({ kind: 'message', data: 'ring' });
 *       return { done: Promise.resolve(), async [Symbol.asyncDispose]() {} };
 *     },
 *   },
 * ]);
 * await openSources(bell);
 * bell.trace.observations[0]?.source; // => 'bell'
 * await closeSubject(bell);
 * ```
 */
export function openSources(subject: Subject): Promise<void> {
  return Watched.by(subject).open();
}

/** Stops listening to a subject's push sources, and ends every watch on it. */
export async function closeSubject(subject: Subject): Promise<void> {
  await Watched.by(subject).close();
}

const NONE: readonly never[] = [];

/** A constructor that gives back what it was given, so that the fields of a class derived from it are put on that. */
const Given = function (subject: Subject): Subject {
  return subject;
} as unknown as new (subject: Subject) => object;

/**
 * The watcher of a subject, kept on the subject itself in a private field, which nobody sees, which no copy takes along and which
 * a frozen object may have too. Thousands of entries in a weak map would make every collection of garbage slow.
 */
class Watched extends Given {
  readonly #watcher: Watcher;

  private constructor(subject: Subject, first: First | undefined) {
    super(subject);
    this.#watcher = new Watcher(subject, first);
  }

  /** @param first the look that was taken before there was a watcher */
  static by(subject: Subject, first?: First): Watcher {
    return #watcher in subject ? subject.#watcher : new Watched(subject, first).#watcher;
  }

  static has(subject: Subject): boolean {
    return #watcher in subject;
  }

  static closed(subject: Subject): boolean {
    return #watcher in subject && subject.#watcher.closed;
  }
}

/** All who wait on one subject share its looks. */
class Watcher {
  readonly subject: Subject;
  readonly channels: readonly Channel[];
  /** Replaced rather than changed: whoever goes through it is not disturbed by who comes and goes. */
  waits: readonly Wait[] = NONE;
  /** Whether the server's wish counts: it does until somebody asks for a pace of their own. */
  polite = true;
  /** The one who waits, when there is one only. */
  only: Wait | undefined;
  hooks: readonly NonNullable<WatchOptions['beforeLook']>[] = NONE;
  /** Those who test values by themselves, and whether there are no others. */
  testers: readonly Wait[] = NONE;
  onlyTesters = false;
  #opening: Promise<void> | undefined;
  /** What is open, from one opening to its closing. */
  #session: Session = NOT_OPEN;
  readonly #pushes: readonly Push[];
  /** Push sources that may still tell something. */
  #listening = 0;
  /** Push sources that were opened: what they did not tell was not told. */
  listened = 0;

  constructor(subject: Subject, first: First | undefined) {
    this.subject = subject;
    const only = subject.sources[0];
    if (subject.sources.length === 1 && only !== undefined && isPull(only)) {
      this.channels = [new Channel(this, only, first)];
      this.#pushes = NONE;
    } else {
      this.channels = subject.sources.filter(isPull).map((source) => new Channel(this, source));
      this.#pushes = subject.sources.filter((source): source is Push => !isPull(source));
      this.#listening = this.#pushes.length;
      // Known from the beginning, so that one that never tells anything is missed.
      const telling = subject.sources.filter(({ stateless }) => stateless !== true);
      if (telling.length > 1) subject.trace.expect(telling.map(({ name }) => name));
    }
  }

  get closed(): boolean {
    return this.#session.closed;
  }

  open(): Promise<void> {
    if (this.#opening === undefined) {
      // Whoever comes after it was closed has it opened anew.
      if (this.#session.closed) this.#listening = this.#pushes.length;
      if (this.#session.closed || this.#session === NOT_OPEN) this.#session = { opened: NONE, closed: false, closing: undefined };
      const session = this.#session;
      this.#opening = this.#openAll(session).catch(async (error: unknown) => {
        // Those that listen already would be left open by somebody who was told that opening failed.
        await disposeAll(session).catch(nothing);
        throw error;
      });
    }
    return this.#opening;
  }

  async #openAll(session: Session): Promise<void> {
    const { clock, trace } = this.subject;
    // Most subjects are polled, and need none.
    const { signal } = (session.closing ??= new AbortController());
    for (const push of this.#pushes) {
      if (session.closed) break;
      const open = await push.open({ clock, signal, record: (event, keys) => void trace.record(push.name, event, keys) });
      this.listened++;
      // What was opened anew since tells its own end.
      const ended = (event: Event): void => void (session === this.#session && trace.record(push.name, event));
      open.done
        .then(
          () => ended({ kind: 'end', reason: 'closed' }),
          (error: unknown) => ended(failedLook(error)),
        )
        .finally(() => this.#pushEnded(session))
        // Nobody awaits this: what a follower throws has failed its own wait.
        .catch(nothing);
      session.opened = [...session.opened, open];
    }
    // Closed while one of them was being opened.
    if (session.closed) await disposeAll(session);
  }

  #pushEnded(session: Session): void {
    if (session !== this.#session) return;
    this.#listening--;
    if (this.ended()) for (const wait of this.waits) wait.ended();
  }

  async close(): Promise<void> {
    if (this.#session === NOT_OPEN) this.#session = { opened: NONE, closed: true, closing: undefined };
    else this.#session.closed = true;
    this.#session.closing?.abort();
    this.#opening = undefined;
    for (const wait of this.waits) wait.close({ by: 'aborted', at: this.subject.trace.now(), why: 'closed' });
    await disposeAll(this.#session);
  }

  join(wait: Wait): void {
    this.waits = this.waits.length === 0 ? [wait] : [...this.waits, wait];
    this.#settle();
    if (wait.tests) for (const channel of this.channels) channel.reopen();
    if (this.#pushes.length > 0) {
      this.open().then(
        () => this.#wake(),
        (error: unknown) => wait.fail(error),
      );
    } else {
      this.#wake();
    }
  }

  leave(wait: Wait): void {
    this.waits = this.only === wait ? NONE : this.waits.filter((other) => other !== wait);
    this.#settle();
    if (this.waits.length === 0) for (let i = 0; i < this.channels.length; i++) this.channels[i]!.rest();
    else if (wait.pace !== undefined && this.polite) for (const channel of this.channels) channel.obey();
  }

  /** What every look needs to know of those who wait, kept so that a look need not ask each of them. */
  #settle(): void {
    this.polite = true;
    this.only = this.waits.length === 1 ? this.waits[0] : undefined;
    this.hooks = NONE;
    this.testers = NONE;
    for (let i = 0; i < this.waits.length; i++) {
      const wait = this.waits[i]!;
      if (wait.pace !== undefined) this.polite = false;
      if (wait.tests) this.testers = [...this.testers, wait];
      // Whoever waits twice with one hook has one set of timers to move on.
      if (wait.beforeLook !== undefined && !this.hooks.includes(wait.beforeLook)) this.hooks = [...this.hooks, wait.beforeLook];
    }
    this.onlyTesters = this.testers.length === this.waits.length;
  }

  #wake(): void {
    if (this.waits.length > 0) for (let i = 0; i < this.channels.length; i++) this.channels[i]!.wake();
  }

  /** After news: the sources may have ended. */
  ended(tests = false): boolean {
    return this.#listening === 0 && this.channels.every((channel) => channel.done && !(tests && channel.more));
  }
}

interface Session {
  opened: readonly AsyncDisposable[];
  closed: boolean;
  /** Ends what is still being opened. */
  closing: AbortController | undefined;
}

/** Of all that were never opened: most have nothing to open. */
const NOT_OPEN: Session = { opened: NONE, closed: false, closing: undefined };

async function disposeAll(session: Session): Promise<void> {
  const { opened } = session;
  session.opened = NONE;
  const closings = await Promise.allSettled(opened.map(async (open) => open[Symbol.asyncDispose]()));
  for (const closing of closings) if (closing.status === 'rejected') throw closing.reason;
}

/** Filled anew for each question to a pace: a crowd asks often, and a pace keeps nothing of it. */
const TIMING: { -readonly [K in keyof LookTiming]: LookTiming[K] } = { count: 0, elapsed: 0, took: 0, waited: false, shared: 0 };

/** One pull source under watch: it takes the looks, counts those without news, and knows when the next is due. */
class Channel implements Waiter {
  due: Millis = NOT_DUE;
  done = false;
  /** It is done, but for those who test values. */
  more = false;
  /** When the look that is under way began, on the subject's clock. */
  busySince: Millis | undefined;
  /** The look under way has come back, and what tests its value has not. */
  testing = false;
  readonly source: Pull;
  readonly #watcher: Watcher;
  readonly #rounds: Rounds;
  #context: Context;
  /** Somebody waits who was not yet told how things stand. */
  #fresh = true;
  /** Looks in this stretch of watching. */
  #count = 0;
  #quiet = 0;
  /** When the last of them began, on the subject's clock. */
  #lastQuiet: Millis = 0;
  /** NaN before the first look: a number throughout is kept without a box of its own. */
  #lastLook: Millis = Number.NaN;
  #gap: Millis = 0;
  #notBefore: Millis = Number.NEGATIVE_INFINITY;
  /** The look that is planned may be moved, to suit a crowd. */
  #loose = false;
  #afterLook: readonly (() => void)[] = NONE;
  #lastEvent: Event | undefined;
  /** What was said of the value that the look under way has found, until its event is recorded. */
  #views: readonly (readonly [Wait, Tested])[] = NONE;
  /** Which stretch of watching a look belongs to. */
  #watch = 0;
  /** The look that was taken before this was made. */
  #first: First | undefined;

  constructor(watcher: Watcher, source: Pull, first?: First) {
    this.#watcher = watcher;
    this.source = source;
    this.#rounds = Rounds.of(watcher.subject.clock);
    this.#first = first;
    this.#context = first?.context ?? new Context(watcher.subject, source);
    this.#context.channel = this;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether somebody tests values. */
  get watched(): boolean {
    return this.#watcher.testers.length > 0;
  }

  /** When the latest of the looks began that neither failed nor brought news; NaN before the first. */
  quietAt: Millis = Number.NaN;

  /** Whether the latest look failed. */
  failing = false;

  /** The moment before which the server asked not to be asked, on the subject's clock. */
  get notBefore(): Millis {
    return this.#notBefore;
  }

  /** Somebody began to wait: look at once, unless a look is under way or it would be too early for the server. */
  wake(): void {
    this.#fresh = true;
    // To a newcomer a failure is news, though it is the same as before.
    this.#lastEvent = undefined;
    if (this.done || this.busySince !== undefined) return;
    const early = this.#watcher.polite ? this.#notBefore - this.#watcher.subject.clock.now() : 0;
    if (early > 0) this.#rounds.schedule(this, early);
    else if (this.due === NOT_DUE || this.#count === 0) this.look();
    else {
      // A newcomer may want to look sooner than those before; the look that is planned must not come later for it.
      const now = this.#watcher.subject.clock.now();
      this.#rounds.schedule(this, Math.max(0, Math.min(this.due - now, this.#nextGap(now, 0, false))));
    }
  }

  /** Nobody waits any more: a look that is under way is abandoned, and what it may still bring is dropped. */
  rest(): void {
    this.#rounds.cancel(this);
    this.busySince = undefined;
    this.#afterLook = NONE;
    this.#count = 0;
    // The time in which nobody watched is no gap between two looks.
    this.#lastLook = Number.NaN;
    this.#watch++;
    this.#context.abort();
  }

  /** Those who overruled the server's wish have gone: it counts again. */
  obey(): void {
    if (this.due < this.#notBefore) this.#rounds.schedule(this, this.#notBefore - this.#watcher.subject.clock.now());
  }

  /** Somebody came for whom there is more to see. */
  reopen(): void {
    if (this.more) this.done = this.more = false;
  }

  /** Shows a value as it is to those who test values. */
  view(value: unknown): Viewed | Promise<Viewed> {
    const watch = this.#watch;
    const views: [Wait, Tested][] = [];
    const later: Promise<void>[] = [];
    for (const wait of this.#watcher.testers) {
      const tested = wait.test(value);
      if ('then' in tested) later.push(Promise.resolve(tested).then((then) => void views.push([wait, then])));
      else views.push([wait, tested]);
    }
    const viewed = (): Viewed => {
      // Of a look that was given up nothing is recorded.
      if (watch === this.#watch) this.#views = views;
      return { news: views.some(([wait, tested]) => wait.isNews(tested)), only: this.#watcher.onlyTesters };
    };
    if (later.length === 0) return viewed();
    this.testing = true;
    return Promise.all(later)
      .then(viewed)
      .finally(() => (this.testing = false));
  }

  look(): void {
    if (!this.#loose || !this.#postponed()) this.#look(false);
  }

  /** When the crowd has grown since this look was planned, it is put off, until it has rested as long as those who came later. */
  #postponed(): boolean {
    const now = this.#watcher.subject.clock.now();
    const rested = now - this.#lastLook;
    const gap = this.#nextGap(now, 0, false);
    if (!(gap > 2 * rested)) return false;
    this.#rounds.schedule(this, gap - rested, now, true);
    return true;
  }

  /** Records what a look saw before it came back. */
  record(event: Event, keys: readonly string[] | undefined): void {
    this.flush();
    this.#watcher.subject.trace.record(this.source.name, event, keys);
  }

  /**
   * The look at the deadline. A look that is under way began earlier and may tell an older state: when it comes back, one
   * more is taken. `wanted` is asked just before the last look begins, `then` is called when it has come back.
   */
  lookLast(wanted: (channel: Channel) => boolean, then: () => void): void {
    if (this.done) return then();
    if (this.busySince !== undefined) {
      this.#afterLook = [...this.#afterLook, () => this.lookLast(wanted, then)];
      return;
    }
    if (!wanted(this)) return then();
    this.#look(true);
    if (this.busySince === undefined) then();
    else this.#afterLook = [...this.#afterLook, then];
  }

  /** Writes down the looks that brought no news, so that the recording tells how well it was watched. */
  flush(): void {
    if (this.#quiet === 0) return;
    const { clock, trace } = this.#watcher.subject;
    const sinceLast = clock.now() - this.#lastLook;
    const largestGap = sinceLast > this.#gap ? sinceLast : this.#gap;
    // The clock of the subject is not the trace's: its moments are counted from when the trace began.
    const last = trace.now() - (clock.now() - this.#lastQuiet);
    const tick: Event = {
      kind: 'tick',
      looks: this.#quiet,
      largestGap: Math.round(largestGap * 1000) / 1000,
      last: Math.round(last * 1000) / 1000,
    };
    this.#quiet = 0;
    this.#gap = 0;
    trace.record(this.source.name, tick);
  }

  /** What is thrown by a hook, a pace or a follower ends the waits: here it would be nobody's, and take the others along. */
  #look(last: boolean): void {
    if (this.done || this.busySince !== undefined || this.#watcher.waits.length === 0) return;
    try {
      this.#ask(last);
    } catch (error) {
      this.#fail(error);
    }
  }

  #ask(last: boolean): void {
    if (this.#first !== undefined) {
      const { looked, start, recorded } = this.#first;
      this.#first = undefined;
      if (looked !== undefined) {
        this.#lastLook = start;
        return isThenable(looked) ? this.#await(looked, this.#watch, start) : this.#came(looked, start, false, recorded);
      }
    }
    if (this.due !== NOT_DUE) this.#rounds.cancel(this);
    const { clock } = this.#watcher.subject;
    const watch = this.#watch;
    const start = clock.now();
    const sinceLast = start - this.#lastLook;
    if (sinceLast > this.#gap) this.#gap = sinceLast;
    if (this.#watcher.hooks.length > 0) for (const hook of this.#watcher.hooks) hook(Number.isNaN(sinceLast) ? 0 : sinceLast);
    if (watch !== this.#watch) return;
    this.#lastLook = start;
    // A context is let go of with those who waited: who still has it is to see that they have gone.
    if (this.#context.aborted) {
      this.#context = new Context(this.#watcher.subject, this.source);
      this.#context.channel = this;
    }
    this.#context.last = last;
    this.#context.fresh = this.#fresh;
    let looked: Looked | PromiseLike<Looked>;
    try {
      looked = this.source.look(this.#context);
    } catch (error) {
      if (error instanceof HarnessError) throw error;
      looked = lookedAt(error);
    }
    // A probe may itself have ended the wait: then nobody is told what it saw.
    if (isThenable(looked)) this.#await(looked, watch, start);
    else if (watch === this.#watch) this.#came(looked, start, false);
  }

  #await(looked: PromiseLike<Looked>, watch: number, start: Millis): void {
    if (watch === this.#watch) this.busySince = start;
    looked.then(
      (answer) => this.#cameLater(answer, undefined, watch, start),
      (error: unknown) =>
        error instanceof HarnessError
          ? this.#cameLater(undefined, error, watch, start)
          : this.#cameLater(lookedAt(error), undefined, watch, start),
    );
  }

  #cameLater(looked: Looked | undefined, mistake: HarnessError | undefined, watch: number, start: Millis): void {
    if (watch !== this.#watch) return;
    try {
      if (mistake !== undefined) throw mistake;
      this.#came(looked, start, true);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Not the system under test but its user is at fault: nobody can go on. */
  #fail(error: unknown): void {
    this.busySince = undefined;
    for (const wait of this.#watcher.waits) wait.fail(error);
  }

  /** @param recorded its events are in the trace already */
  #came(looked: Looked | undefined, start: Millis, waited: boolean, recorded = false): void {
    const { clock, trace } = this.#watcher.subject;
    this.busySince = undefined;
    if (!isLooked(looked)) throw noEvents(this.source.name, looked);
    this.more = looked.more === true;
    this.#notBefore = looked.notBefore ?? Number.NEGATIVE_INFINITY;
    // By index throughout: a crowd comes through here, and an iterator for each look is most of what it would leave behind.
    const { events } = looked;
    if (looked.idle !== true) {
      this.#count++;
      // Whoever came while this look was under way is still to be told how things stand, and so are all after a failure.
      if (this.#context.fresh && events[events.length - 1]?.kind !== 'error') this.#fresh = false;
    }
    this.failing = events[events.length - 1]?.kind === 'error';
    if (looked.idle === true) {
      this.#lastLook = Number.NaN;
    } else if (events.length === 0 || (events.length === 1 && this.#sameFailure(events[0]!))) {
      this.#quiet++;
      this.#lastQuiet = start;
      if (events.length === 0) this.quietAt = start;
    } else {
      this.flush();
      this.#gap = 0;
      for (let i = 0; i < events.length && !recorded; i++) {
        // It is known before the event is told to those who wait what they said of its value.
        if (i === events.length - 1) for (const [wait, tested] of this.#views) wait.viewed(trace.observations.length, tested);
        trace.record(this.source.name, events[i]!);
      }
      this.#lastEvent = events[events.length - 1];
    }
    if (this.#views !== NONE) this.#views = NONE;
    if (looked.stop !== undefined) {
      this.done = true;
      const at = trace.now();
      for (const wait of this.#watcher.waits) wait.close({ by: 'aborted', at, why: looked.stop, stopped: true });
      return;
    }
    if (looked.done === true) {
      this.done = true;
      if (this.#watcher.ended()) for (const wait of this.#watcher.waits) wait.ended();
    }
    if (this.#afterLook !== NONE) {
      const after = this.#afterLook;
      this.#afterLook = NONE;
      for (const then of after) then();
    }
    if (this.#watcher.waits.length > 0 && !this.done) {
      // An answer that came at once took no time worth a look at the clock.
      const now = waited ? clock.now() : start;
      const gap = looked.idle === true ? 0 : this.#nextGap(now, now - start, waited);
      const polite = this.#watcher.polite ? this.#notBefore - now : 0;
      const loose = this.#watcher.polite && (this.source.pace ?? adaptive) === adaptive;
      // Who says when to come back has said both: not earlier, and no need to come later.
      if (looked.after !== undefined) this.#rounds.schedule(this, Math.max(MIN_GAP_MS, looked.after), now);
      else if (polite > 0) this.#rounds.schedule(this, polite, now);
      else this.#rounds.schedule(this, gap, now, loose);
      this.#loose = loose && !waited && !(polite > 0) && looked.after === undefined;
    }
  }

  /** A look that fails just as the one before it brings no news. */
  #sameFailure(event: Event): boolean {
    const last = this.#lastEvent;
    return (
      event.kind === 'error' &&
      // It came nearer than any before.
      event.miss === undefined &&
      last?.kind === 'error' &&
      event.message === last.message &&
      event.name === last.name &&
      event.status === last.status
    );
  }

  /** The shortest gap that any of the waiting asks for. */
  #nextGap(now: Millis, took: Millis, waited: boolean): Millis {
    TIMING.count = this.#count;
    TIMING.took = took;
    TIMING.waited = waited;
    TIMING.shared = this.#rounds.gap();
    const { only, waits } = this.#watcher;
    if (only !== undefined) return this.#gapFor(only, now);
    let gap = Number.POSITIVE_INFINITY;
    for (const wait of waits) gap = Math.min(gap, this.#gapFor(wait, now));
    return gap;
  }

  #gapFor(wait: Wait, now: Millis): Millis {
    // Who gave no pace leaves the server the time that it asked for, though another may not.
    if (wait.pace === undefined && this.#notBefore > now) return this.#notBefore - now;
    TIMING.elapsed = now - wait.start;
    const pace = wait.pace ?? this.source.pace ?? adaptive;
    const gap = pace.next(TIMING);
    if (!Number.isFinite(gap)) throw badGap(pace.name, gap);
    return gap < MIN_GAP_MS ? MIN_GAP_MS : gap;
  }
}

/** One per channel and stretch of watching; the abort signal is made when first asked for, as most probes never do. */
class Context implements LookContext {
  last = false;
  fresh = true;
  aborted = false;
  /** Undefined for the first look at something that nobody has watched. */
  channel: Channel | undefined;
  readonly #subject: Subject;
  readonly #source: Pull;
  #controller: AbortController | undefined;

  constructor(subject: Subject, source: Pull) {
    this.#subject = subject;
    this.#source = source;
  }

  get clock(): LookContext['clock'] {
    return this.#subject.clock;
  }

  record(event: Event, keys?: readonly string[]): void {
    if (this.channel !== undefined) this.channel.record(event, keys);
    else this.#subject.trace.record(this.#source.name, event, keys);
  }

  get view(): LookContext['view'] {
    const { channel } = this;
    return channel !== undefined && channel.watched && !this.aborted ? (value) => channel.view(value) : undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.aborted = true;
    this.#controller?.abort();
  }
}

/** One who waits for one claim. */
class Wait implements Sleeper {
  readonly pace: Pace | undefined;
  readonly start: Millis;
  readonly beforeLook: WatchOptions['beforeLook'];
  readonly #watcher: Watcher;
  readonly #claim: Claim;
  readonly #judge: Judge;
  readonly #from: number;
  /** How many observations have been judged. */
  #upTo: number;
  /** How many had been judged before it began. */
  readonly #judged: number;
  readonly #since: Millis;
  readonly #within: Millis;
  readonly #resolve: (judgement: Judgement) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #unrecorded: boolean;
  #settled = false;
  #unfollow: (() => void) | undefined;
  readonly #alarms: Alarms;
  #alarm: object | undefined;
  /** Called when the last look has had its time. */
  #giveUp: (() => void) | undefined;
  /** What the claim's test said of what was seen, as far as judging again needs it. */
  readonly #views: Views | undefined;
  /** Tests of recorded results that have no answer yet. */
  #testing = 0;
  #testingSince: Millis = 0;
  /** Ends the wait once they have, where its last look has come back. */
  #whenTested: (() => void) | undefined;
  /** A look that failed, and one that told something, were among what was judged. */
  #sawError = false;
  #sawNews = false;
  #cancelTick: (() => void) | undefined;
  #tickAt: Millis | undefined;
  readonly #abort: () => void;

  constructor(
    watcher: Watcher,
    claim: Claim,
    within: Millis,
    pace: Pace | undefined,
    resolve: (judgement: Judgement) => void,
    reject: (error: unknown) => void,
    options: WatchOptions,
    first: First | undefined,
  ) {
    const { clock, trace } = watcher.subject;
    this.#watcher = watcher;
    this.#alarms = Alarms.of(clock);
    this.#claim = claim;
    this.pace = pace;
    this.start = first?.start ?? clock.now();
    // Looks that were taken before a claim about what happens from now on say nothing for it.
    if (claim.fromNow === true) for (const channel of watcher.channels) channel.flush();
    this.#from = claim.fromNow === true ? trace.observations.length : 0;
    this.#upTo = trace.observations.length;
    this.#judged = first?.judged ?? this.#from;
    this.#since = first?.since ?? trace.now();
    const isShared = trace.header.scope !== undefined;
    this.#views = claim.test === undefined ? undefined : isShared ? new SharedViews(trace) : new Views();
    if (first === undefined) {
      const context = contextOf(trace, this.#since, this.#from);
      this.#judge = claim.start(this.#views === undefined ? context : { ...context, tested: this.#views.said });
    } else this.#judge = first.judge;
    // A claim of stability holds at the end of its own time; waiting longer would claim more than was asked.
    const own = claim.fromNow === true ? this.#judge.due() : undefined;
    this.#within = own === undefined ? within : Math.max(0, own - this.#since);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    this.#unrecorded = options.unrecorded === true;
    this.beforeLook = options.beforeLook;
    this.#abort =
      options.signal === undefined
        ? nothing
        : () => this.close({ by: 'aborted', at: trace.now(), why: abortReason(options.signal) });
  }

  begin(): void {
    const { trace } = this.#watcher.subject;
    for (let i = this.#from; i < this.#upTo; i++) {
      const observation = trace.observations[i]!;
      this.#note(observation);
      if (i < this.#judged) continue;
      // Other values were told to others, and are looked at anew.
      if (observation.kind === 'state' && this.#testRecorded(observation)) continue;
      if (this.#judge.step(observation) !== 'undecided') return this.#settle(this.#judge.judgement(), undefined);
    }
    if (this.#signal?.aborted === true) return this.#abort();
    if (isFull(trace.observations.at(-1))) return this.close({ by: 'bound', at: trace.now() });
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
    this.#unfollow = trace.follow((observation) => this.#saw(observation));
    // From the beginning, before a first look that was taken already.
    const gone = this.#watcher.subject.clock.now() - this.start;
    this.#alarm = this.#alarms.set(this.#within - gone, this);
    this.#armTick();
    // Everything that could ever be seen has been: there is nothing to wait for.
    if (this.#watcher.ended(this.tests)) return this.ended();
    this.#watcher.join(this);
  }

  /** Time is up: for the whole wait, and after that for its last look. */
  ring(): void {
    if (this.#settled) return;
    if (this.#giveUp === undefined) this.#deadline();
    else this.#giveUp();
  }

  /** Whether it tests values by itself. */
  get tests(): boolean {
    return this.#views !== undefined;
  }

  test(value: unknown): Tested | PromiseLike<Tested> {
    return this.#claim.test!(value);
  }

  isNews(tested: Tested): boolean {
    return this.#views!.isNews(tested);
  }

  /** What its test said of the value that is recorded next. */
  viewed(seq: number, tested: Tested): void {
    this.#views!.keep(seq, tested);
  }

  /**
   * Tests what a source told without showing it: the result of an operation is data, and what it is recorded as is what it is.
   *
   * @returns whether the answer is waited for, and the observation is judged then
   */
  #testRecorded(observation: Observation): boolean {
    const views = this.#views;
    if (views === undefined || views.said.has(observation.seq)) return false;
    const told = toldIn(observation);
    if (told === undefined) return false;
    const keep = (tested: Tested): void => views.keep(observation.seq, told.final ? { ...tested, final: true } : tested);
    const tested = this.test(told.value);
    if (!('then' in tested)) {
      keep(tested);
      return false;
    }
    if (this.#testing++ === 0) this.#testingSince = this.#watcher.subject.trace.now();
    tested.then(
      (then) => {
        this.#testing--;
        if (this.#settled) return;
        keep(then);
        this.#step(observation);
        if (this.#settled || this.#testing > 0) return;
        if (this.#watcher.ended(this.tests)) this.ended();
        else this.#whenTested?.();
      },
      (error: unknown) => this.fail(error),
    );
    return true;
  }

  /** There is nothing more to see. */
  ended(): void {
    // But there is still something to be said of what was seen.
    if (this.#testing > 0) return;
    this.close({ by: this.#allFailed() ? 'broken' : 'end', at: this.#watcher.subject.trace.now() });
  }

  /** Ends the wait although no observation decided. */
  close(given: Closing): void {
    if (this.#settled) return;
    for (const channel of this.#watcher.channels) channel.flush();
    const { listened } = this.#watcher;
    const closing = this.#claim.hears === true && listened > 0 ? { ...given, listening: listened } : given;
    if (!this.#settled) this.#settle(this.#judge.close(closing), closing);
  }

  /** The harness itself cannot go on: a push source that does not open. */
  fail(error: unknown): void {
    if (this.#settled) return;
    this.#release();
    this.#reject(error);
  }

  #saw(observation: Observation): void {
    if (this.#settled) return;
    this.#upTo = observation.seq + 1;
    this.#note(observation);
    try {
      if (this.#testRecorded(observation)) return;
    } catch (error) {
      return this.fail(error);
    }
    this.#step(observation);
  }

  #note(observation: Observation): void {
    if (isFailure(observation)) this.#sawError = true;
    else if (isNews(observation)) this.#sawNews = true;
  }

  #step(observation: Observation): void {
    let verdict;
    try {
      verdict = this.#judge.step(observation);
    } catch (error) {
      return this.fail(error);
    }
    if (verdict !== 'undecided') {
      // The looks without news that came after what decided belong to nobody's judgement.
      this.#settle(this.#judge.judgement(), undefined);
    } else if (isFull(observation)) {
      this.#settle(this.#judge.close({ by: 'bound', at: observation.at }), { by: 'bound', at: observation.at });
    } else {
      this.#armTick();
    }
  }

  /** Time alone may decide: the trace is told when it comes to that, so that a recording judges the same. */
  #armTick(): void {
    const due = this.#claim.fromNow === true ? undefined : this.#judge.due();
    if (due === this.#tickAt) return;
    this.#cancelTick?.();
    this.#tickAt = due;
    if (due === undefined) return;
    const { clock, trace } = this.#watcher.subject;
    this.#cancelTick = clock.after(Math.max(0, due - trace.now()), () => {
      this.#tickAt = undefined;
      for (const channel of this.#watcher.channels) channel.flush();
      if (!this.#settled) trace.record('watch', { kind: 'tick' });
    });
  }

  /** Time is up: one last look, and a little patience for a look that is under way. */
  #deadline(): void {
    const { clock, trace } = this.#watcher.subject;
    const now = clock.now();
    const underWay = this.#watcher.channels.filter((channel) => channel.busySince !== undefined);
    let looked = false;
    const finish = (lastLook: 'answered' | 'unanswered' | undefined): void => {
      const hung = underWay.find((channel) => channel.busySince !== undefined && channel.busySince < now);
      if (hung !== undefined) {
        const since = trace.now() - (clock.now() - hung.busySince!);
        return this.close({
          by: 'hung',
          at: trace.now(),
          source: hung.source.name,
          since: Math.round(since * 1000) / 1000,
          looks: hung.count,
          ...(hung.testing ? { testing: true } : {}),
        });
      }
      if (this.#testing > 0) return this.close({ by: 'hung', at: trace.now(), since: this.#testingSince, testing: true });
      const polite = this.pace === undefined ? this.#watcher.channels.find((channel) => channel.notBefore > now) : undefined;
      this.close({
        by: this.#allFailed() ? 'broken' : 'deadline',
        at: trace.now(),
        within: this.#within,
        ...(lastLook === undefined ? {} : { lastLook }),
        ...(polite === undefined ? {} : { retryAfter: Math.round(polite.notBefore - now) }),
      });
    };
    const underWaySince = Math.min(...underWay.map((channel) => channel.busySince!));
    // Even a look that is long overdue gets a turn of the event loop: it may be we who were late.
    // In a short wait, a look that took a quarter of it is long overdue.
    const grace = Math.min(LAST_LOOK_GRACE_MS, Math.max(ONE_TURN_MS, this.#within / 4));
    // Of the whole grace one turn is kept for the look that is taken once the one under way has come back.
    const patience =
      underWay.length === 0
        ? grace
        : Math.max(ONE_TURN_MS, Math.min(underWaySince + grace - now, LAST_LOOK_GRACE_MS - ONE_TURN_MS));
    this.#giveUp = () => finish('unanswered');
    this.#alarm = this.#alarms.set(patience, this);
    let open = this.#watcher.channels.length;
    if (open === 0) return finish(undefined);
    const wanted = (channel: Channel): boolean => {
      // It may be asked long after this wait was ended as hung, at the cost of those who still wait.
      if (this.#settled) return false;
      // One look before its time is no burden, and a verdict without it would be about an older moment. But a server that has
      // just refused and said for how long would only refuse again.
      if (this.pace === undefined && channel.failing && channel.notBefore > clock.now()) return false;
      looked = true;
      if (underWay.length > 0) {
        if (this.#alarm !== undefined) this.#alarms.clear(this.#alarm);
        const left = Math.min(grace, now + LAST_LOOK_GRACE_MS - clock.now());
        this.#alarm = this.#alarms.set(Math.max(ONE_TURN_MS, left), this);
      }
      return true;
    };
    for (const channel of this.#watcher.channels) {
      channel.lookLast(wanted, () => {
        if (--open > 0 || this.#settled) return;
        const done = (): void => finish(looked ? 'answered' : undefined);
        // What the last look told may still be being tested.
        if (this.#testing > 0) this.#whenTested = done;
        else done();
      });
    }
  }

  /** Whether looks were taken and all of them failed. */
  #allFailed(): boolean {
    // To some claims a look that failed tells as much as any other.
    if (this.#claim.failuresTell === true) return false;
    const { channels } = this.#watcher;
    return (
      this.#isOwn(this.#sawError, isFailure) &&
      !this.#isOwn(this.#sawNews, isNews) &&
      !channels.some(({ quietAt }) => quietAt >= (this.#claim.fromNow === true ? this.start : 0))
    );
  }

  /** Whether what was seen is of what is watched, or some of it: what a shared channel tells of others counts for nothing. */
  #isOwn(seen: boolean, is: (o: Observation) => boolean): boolean {
    const { trace } = this.#watcher.subject;
    if (!seen || trace.header.scope === undefined) return seen;
    const isOwn = ownIn(trace);
    return trace.observations.slice(this.#from, this.#upTo).some((o) => is(o) && isOwn(o));
  }

  #settle(judgement: Judgement, closing: Closing | undefined): void {
    if (this.#settled) return;
    this.#release();
    if (this.#unrecorded) return this.#resolve(judgement);
    const tested = this.#views?.recorded();
    noted(this.#watcher.subject.trace, this.#claim, this.#from, this.#since, this.#upTo, judgement, closing, tested);
    this.#resolve(judgement);
  }

  #release(): void {
    this.#settled = true;
    this.#unfollow?.();
    if (this.#alarm !== undefined) this.#alarms.clear(this.#alarm);
    this.#cancelTick?.();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#watcher.leave(this);
  }
}

/** Notes a judgement in the trace. */
function noted(
  trace: Trace,
  { name: claim, args }: Claim,
  from: number,
  since: Millis,
  upTo: number,
  judgement: Judgement,
  closing: Closing | undefined,
  tested: Readonly<Record<string, Tested>> | undefined,
): void {
  if (closing === undefined && tested === undefined) return trace.judged({ claim, args, from, since, upTo, judgement });
  const ended = closing === undefined ? undefined : { closing };
  const said = tested === undefined ? undefined : { tested };
  trace.judged({ claim, args, from, since, upTo, ...ended, ...said, judgement });
}

/** What came of a look that threw: besides a failure it may be a wish of the probe's. */
function lookedAt(error: unknown): Looked {
  const events = [failedLook(error)];
  const signal = signalOf(error);
  if (signal === undefined) return { events };
  return signal.do === 'stop' ? { events, stop: signal.reason } : { events, after: signal.after };
}

/** A look that threw or rejected is an observation; `reject(undefined)` is a failure like any other. */
export function failedLook(error: unknown): EventOf<'error'> {
  if (isError(error)) {
    const { cause } = error;
    // Of a refused connection to a name with several addresses, undici tells nothing but the code.
    const why = isError(cause) ? cause.message || codeOf(cause) : '';
    return { kind: 'error', name: error.name, message: cut(redactText(`${error.message}${why === '' ? '' : `: ${why}`}`)) };
  }
  const thrown = plain(error);
  return {
    kind: 'error',
    message: `the probe threw ${thrown === undefined ? 'undefined' : cut(redactText(JSON.stringify(thrown)))}, which is not an Error`,
  };
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** How much of what a failed look says is kept, in characters: it may hold a whole page, and another one at each look. */
const MAX_FAILURE_CHARACTERS = 4096;

function cut(text: string): string {
  return text.length > MAX_FAILURE_CHARACTERS ? `${text.slice(0, MAX_FAILURE_CHARACTERS)}…` : text;
}

function noEvents(source: string, looked: unknown): HarnessError {
  return new HarnessError(
    'invalid-look',
    `a look of ${source} told no list of events, but ${show(looked)}`,
    'give back { events: [] } from a look that brought no news',
  );
}

function badGap(pace: string, gap: unknown): HarnessError {
  return new HarnessError(
    'invalid-pace',
    `the pace '${pace}' asked for a gap of ${typeof gap === 'number' ? String(gap) : show(gap)}`,
    'next() must give a finite number of milliseconds',
  );
}

/** A promise of another realm is none of ours, yet one to wait for. */
function isThenable(looked: Looked | PromiseLike<Looked>): looked is PromiseLike<Looked> {
  return looked instanceof Promise || (typeof looked === 'object' && looked !== null && 'then' in looked);
}

function isLooked(looked: unknown): looked is Looked {
  return typeof looked === 'object' && looked !== null && 'events' in looked && Array.isArray(looked.events);
}

/** A look that brought something, and asks for nothing. */
function broughtNews(looked: unknown): looked is Looked {
  if (!isLooked(looked) || looked.events.length === 0) return false;
  const { notBefore, after, stop, done, more, idle } = looked;
  return notBefore === undefined && after === undefined && stop === undefined && done !== true && more !== true && idle !== true;
}

function isFailure({ kind }: Observation): boolean {
  return kind === 'error';
}

function isNews({ kind }: Observation): boolean {
  return kind === 'state' || kind === 'value' || kind === 'message';
}

/** The trace keeps no more. */
function isFull(observation: Observation | undefined): boolean {
  return observation?.kind === 'end' && observation.reason === 'bound';
}

function nothing(): void {}

function abortReason(signal: AbortSignal | undefined): string {
  const reason: unknown = signal?.reason;
  return (isError(reason) ? reason.message : typeof reason === 'string' ? reason : '') || 'aborted';
}
