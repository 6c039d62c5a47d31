import { HarnessError } from '../errors.ts';
import type { Claim, Closing, Judge, Judgement } from '../logic/index.ts';
import {
  adaptive,
  paceFrom,
  parseDuration,
  Rounds,
  type Duration,
  type LookTiming,
  type Millis,
  type Pace,
  type PaceOption,
  type Waiter,
} from '../time/index.ts';
import { plain, type Event, type Observation } from '../trace/index.ts';
import { isPull, type LookContext, type Looked, type Pull, type Push } from './source.ts';
import type { Subject } from './subject.ts';

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
export async function watch(subject: Subject, claim: Claim, options: WatchOptions = {}): Promise<Judgement> {
  const within = parseDuration(options.within ?? DEFAULT_WITHIN_MS, 'within');
  const pace = options.pace === undefined ? undefined : paceFrom(options.pace);
  if (subject.sources.length === 0) {
    throw new HarnessError(
      'nothing-to-watch',
      'the subject has no sources, so nothing could ever be seen',
      'give it at least one probe, as in subject([poll(fn)])',
    );
  }
  const watcher = Watcher.of(subject);
  return new Promise((resolve, reject) => {
    const wait = new Wait(watcher, claim, within, pace, resolve, reject, options);
    wait.begin();
  });
}

/**
 * Opens a subject's push sources, once, and resolves when all of them listen.
 */
export function openSources(subject: Subject): Promise<void> {
  return Watcher.of(subject).open();
}

/** Stops listening to a subject's push sources, and ends every watch on it. */
export async function closeSubject(subject: Subject): Promise<void> {
  await Watcher.of(subject).close();
}

const NONE: readonly never[] = [];
const WATCHER: unique symbol = Symbol('watcher');

/** All who wait on one subject share its looks. */
class Watcher {
  /** Kept on the subject itself: thousands of entries in a weak map make every collection of garbage slow. */
  static of(subject: Subject & { [WATCHER]?: Watcher }): Watcher {
    let watcher = subject[WATCHER];
    if (watcher === undefined) {
      watcher = new Watcher(subject);
      Object.defineProperty(subject, WATCHER, { value: watcher });
    }
    return watcher;
  }

  readonly subject: Subject;
  readonly channels: readonly Channel[];
  readonly waits: Set<Wait> = new Set();
  /** Whether the server's wish counts: it does until somebody asks for a pace of their own. */
  polite = true;
  /** The one who waits, when there is one only. */
  only: Wait | undefined;
  hooks: readonly NonNullable<WatchOptions['beforeLook']>[] = NONE;
  #opening: Promise<void> | undefined;
  #opened: readonly AsyncDisposable[] = NONE;
  readonly #pushes: readonly Push[];

  constructor(subject: Subject) {
    this.subject = subject;
    const [only] = subject.sources;
    if (subject.sources.length === 1 && only !== undefined && isPull(only)) {
      this.channels = [new Channel(this, only)];
      this.#pushes = NONE;
    } else {
      this.channels = subject.sources.filter(isPull).map((source) => new Channel(this, source));
      this.#pushes = subject.sources.filter((source): source is Push => !isPull(source));
    }
  }

  open(): Promise<void> {
    this.#opening ??= (async () => {
      const { clock, trace } = this.subject;
      for (const push of this.#pushes) {
        const open = await push.open({ clock, record: (event, keys) => void trace.record(push.name, event, keys) });
        this.#opened = [...this.#opened, open];
        open.done.then(
          () => trace.record(push.name, { kind: 'end', reason: 'closed' }),
          (error: unknown) => trace.record(push.name, failedLook(error)),
        );
      }
    })();
    return this.#opening;
  }

  async close(): Promise<void> {
    for (const wait of [...this.waits]) wait.close({ by: 'aborted', at: this.subject.trace.now(), why: 'closed' });
    const opened = this.#opened;
    this.#opened = NONE;
    for (const open of opened) await open[Symbol.asyncDispose]();
  }

  join(wait: Wait): void {
    this.waits.add(wait);
    this.#settle();
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
    this.waits.delete(wait);
    this.#settle();
    if (this.waits.size === 0) for (const channel of this.channels) channel.rest();
  }

  /** What every look needs to know of those who wait, kept so that a look need not ask each of them. */
  #settle(): void {
    this.polite = true;
    this.only = undefined;
    this.hooks = NONE;
    for (const wait of this.waits) {
      this.only = this.waits.size === 1 ? wait : undefined;
      if (wait.pace !== undefined) this.polite = false;
      if (wait.beforeLook !== undefined) this.hooks = [...this.hooks, wait.beforeLook];
    }
  }

  #wake(): void {
    if (this.waits.size > 0) for (const channel of this.channels) channel.wake();
  }

  /** After news: the sources may have ended. */
  ended(): boolean {
    return this.#pushes.length === 0 && this.channels.every((channel) => channel.done);
  }
}

/** Filled anew for each question to a pace: a crowd asks often, and a pace keeps nothing of it. */
const TIMING: { -readonly [K in keyof LookTiming]: LookTiming[K] } = { count: 0, elapsed: 0, took: 0, waited: false, shared: 0 };

/** One pull source under watch: it takes the looks, counts those without news, and knows when the next is due. */
class Channel implements Waiter {
  due: Millis | undefined;
  done = false;
  /** When the look that is under way began, on the subject's clock. */
  busySince: Millis | undefined;
  readonly source: Pull;
  readonly #watcher: Watcher;
  readonly #context: Context;
  readonly #rounds: Rounds;
  #count = 0;
  #quiet = 0;
  #lastLook: Millis | undefined;
  #gap: Millis = 0;
  #notBefore: Millis = Number.NEGATIVE_INFINITY;
  #startedFresh = true;
  #afterLook: readonly (() => void)[] = NONE;
  #lastEvent: Event | undefined;
  /** Which stretch of watching a look belongs to. */
  #watch = 0;

  constructor(watcher: Watcher, source: Pull) {
    this.#watcher = watcher;
    this.source = source;
    const { clock } = watcher.subject;
    this.#rounds = Rounds.of(clock);
    this.#context = new Context(clock, this);
  }

  get count(): number {
    return this.#count;
  }

  /** The moment before which the server asked not to be asked, on the subject's clock. */
  get notBefore(): Millis {
    return this.#notBefore;
  }

  /** Somebody began to wait: look at once, unless a look is under way or it would be too early for the server. */
  wake(): void {
    this.#context.fresh = true;
    if (this.done || this.busySince !== undefined) return;
    const early = this.#watcher.polite ? this.#notBefore - this.#watcher.subject.clock.now() : 0;
    if (early > 0) this.#rounds.schedule(this, early);
    else if (this.due === undefined || this.#count === 0) this.look();
    else {
      // A newcomer may want to look sooner than those before; the look that is planned must not come later for it.
      const now = this.#watcher.subject.clock.now();
      this.#rounds.schedule(this, Math.max(0, Math.min(this.due - now, this.#nextGap(now, 0, false))));
    }
  }

  /** Nobody waits any more: a look that is under way is abandoned, and what it may still bring is dropped. */
  rest(): void {
    this.#rounds.cancel(this);
    if (this.busySince === undefined) return;
    this.busySince = undefined;
    this.#afterLook = NONE;
    this.#watch++;
    this.#context.abort();
  }

  look(): void {
    this.#look(false);
  }

  /** Records what a look saw before it came back. */
  record(event: Event, keys: readonly string[] | undefined): void {
    this.flush();
    this.#watcher.subject.trace.record(this.source.name, event, keys);
  }

  /**
   * The look at the deadline. A look that is under way began earlier and may tell an older state: when it comes back, one
   * more is taken. `began` is called when the last look begins, `then` when it has come back.
   */
  lookLast(began: () => void, then: () => void): void {
    if (this.done) return then();
    if (this.busySince !== undefined) {
      this.#afterLook = [...this.#afterLook, () => this.lookLast(began, then)];
      return;
    }
    began();
    this.#look(true);
    if (this.busySince === undefined) then();
    else this.#afterLook = [...this.#afterLook, then];
  }

  /** Writes down the looks that brought no news, so that the recording tells how well it was watched. */
  flush(): void {
    if (this.#quiet === 0) return;
    const { clock, trace } = this.#watcher.subject;
    const largestGap = Math.max(this.#gap, clock.now() - (this.#lastLook ?? clock.now()));
    const tick: Event = { kind: 'tick', looks: this.#quiet, largestGap: Math.round(largestGap * 1000) / 1000 };
    this.#quiet = 0;
    this.#gap = 0;
    trace.record(this.source.name, tick);
  }

  #look(last: boolean): void {
    if (this.done || this.busySince !== undefined || this.#watcher.waits.size === 0) return;
    this.#rounds.cancel(this);
    const { clock } = this.#watcher.subject;
    const start = clock.now();
    if (this.#lastLook !== undefined && start - this.#lastLook > this.#gap) this.#gap = start - this.#lastLook;
    if (this.#watcher.hooks.length > 0)
      for (const hook of this.#watcher.hooks) hook(this.#lastLook === undefined ? 0 : start - this.#lastLook);
    this.#lastLook = start;
    this.#context.last = last;
    this.#startedFresh = this.#context.fresh;
    const watch = this.#watch;
    let looked: Looked | Promise<Looked>;
    try {
      looked = this.source.look(this.#context);
    } catch (error) {
      if (error instanceof HarnessError) return this.#fail(error);
      looked = { events: [failedLook(error)] };
    }
    if (looked instanceof Promise) {
      this.busySince = start;
      looked.then(
        (answer) => watch === this.#watch && this.#came(answer, start, true),
        (error: unknown) => {
          if (watch !== this.#watch) return;
          if (error instanceof HarnessError) this.#fail(error);
          else this.#came({ events: [failedLook(error)] }, start, true);
        },
      );
    } else {
      this.#came(looked, start, false);
    }
  }

  /** Not the system under test but its user is at fault: nobody can go on. */
  #fail(error: HarnessError): void {
    this.busySince = undefined;
    for (const wait of [...this.#watcher.waits]) wait.fail(error);
  }

  #came(looked: Looked, start: Millis, waited: boolean): void {
    const { clock, trace } = this.#watcher.subject;
    this.busySince = undefined;
    if (looked.idle !== true) {
      this.#count++;
      // Whoever came while this look was under way is still to be told how things stand.
      if (this.#startedFresh) this.#context.fresh = false;
    }
    this.#notBefore = looked.notBefore ?? Number.NEGATIVE_INFINITY;
    const [first] = looked.events;
    if (looked.idle === true) {
      this.#lastLook = undefined;
    } else if (first === undefined || (looked.events.length === 1 && this.#sameFailure(first))) {
      this.#quiet++;
    } else {
      this.flush();
      this.#gap = 0;
      for (const event of looked.events) trace.record(this.source.name, event);
      this.#lastEvent = looked.events.at(-1);
    }
    if (looked.done === true) {
      this.done = true;
      if (this.#watcher.ended()) for (const wait of [...this.#watcher.waits]) wait.ended();
    }
    if (this.#afterLook !== NONE) {
      const after = this.#afterLook;
      this.#afterLook = NONE;
      for (const then of after) then();
    }
    if (this.#watcher.waits.size > 0 && !this.done) {
      // An answer that came at once took no time worth a look at the clock.
      const now = waited ? clock.now() : start;
      const gap = looked.idle === true ? 0 : this.#nextGap(now, now - start, waited);
      const polite = this.#watcher.polite ? this.#notBefore - now : 0;
      const loose = this.#watcher.polite && (this.source.pace ?? adaptive) === adaptive;
      // Who says when to come back has said both: not earlier, and no need to come later.
      if (polite > 0) this.#rounds.schedule(this, polite, now);
      else this.#rounds.schedule(this, gap, now, loose);
    }
  }

  /** A look that fails just as the one before it brings no news. */
  #sameFailure(event: Event): boolean {
    const last = this.#lastEvent;
    return (
      event.kind === 'error' &&
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
    TIMING.elapsed = now - wait.start;
    return (wait.pace ?? this.source.pace ?? adaptive).next(TIMING);
  }
}

/** One per channel; the abort signal is made when first asked for, as most probes never do. */
class Context implements LookContext {
  readonly clock: LookContext['clock'];
  last = false;
  fresh = true;
  readonly #channel: Channel;
  #controller: AbortController | undefined;

  constructor(clock: LookContext['clock'], channel: Channel) {
    this.clock = clock;
    this.#channel = channel;
  }

  record(event: Event, keys?: readonly string[]): void {
    this.#channel.record(event, keys);
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller?.abort();
    this.#controller = undefined;
  }
}

/** One who waits for one claim. */
class Wait {
  readonly pace: Pace | undefined;
  readonly start: Millis;
  readonly beforeLook: WatchOptions['beforeLook'];
  readonly #watcher: Watcher;
  readonly #claim: Claim;
  readonly #judge: Judge;
  readonly #from: number;
  readonly #since: Millis;
  readonly #within: Millis;
  readonly #resolve: (judgement: Judgement) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  #settled = false;
  #unfollow: (() => void) | undefined;
  #cancelDeadline: (() => void) | undefined;
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
  ) {
    const { clock, trace } = watcher.subject;
    this.#watcher = watcher;
    this.#claim = claim;
    this.pace = pace;
    this.start = clock.now();
    this.#from = claim.fromNow === true ? trace.observations.length : 0;
    this.#since = trace.now();
    this.#judge = claim.start({ lifecycle: trace.header.lifecycle, since: this.#since });
    // A claim of stability holds at the end of its own time; waiting longer would claim more than was asked.
    const own = claim.fromNow === true ? this.#judge.due() : undefined;
    this.#within = own === undefined ? within : Math.max(0, own - this.#since);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    this.beforeLook = options.beforeLook;
    this.#abort =
      options.signal === undefined
        ? nothing
        : () => this.close({ by: 'aborted', at: trace.now(), why: abortReason(options.signal) });
  }

  begin(): void {
    const { clock, trace } = this.#watcher.subject;
    if (this.#signal?.aborted === true) return this.#abort();
    for (let i = this.#from; i < trace.observations.length; i++) {
      if (this.#judge.step(trace.observations[i]!) !== 'undecided') return this.#settle(this.#judge.judgement(), undefined);
    }
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
    this.#unfollow = trace.follow((observation) => this.#saw(observation));
    this.#cancelDeadline = clock.after(this.#within, () => this.#deadline());
    this.#armTick();
    // Everything that could ever be seen has been: there is nothing to wait for.
    if (this.#watcher.ended() && this.#watcher.channels.length > 0) return this.ended();
    this.#watcher.join(this);
  }

  /** There is nothing more to see. */
  ended(): void {
    this.close({ by: this.#allFailed() ? 'broken' : 'end', at: this.#watcher.subject.trace.now() });
  }

  /** Ends the wait although no observation decided. */
  close(closing: Closing): void {
    if (this.#settled) return;
    for (const channel of this.#watcher.channels) channel.flush();
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
    let verdict;
    try {
      verdict = this.#judge.step(observation);
    } catch (error) {
      return this.fail(error);
    }
    if (verdict !== 'undecided') {
      // The looks without news that came after what decided belong to nobody's judgement.
      this.#settle(this.#judge.judgement(), undefined);
    } else if (observation.kind === 'end' && observation.reason === 'bound') {
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
    const finish = (lastLook: 'answered' | 'unanswered'): void => {
      const hung = underWay.find((channel) => channel.busySince !== undefined && channel.busySince < now);
      if (hung !== undefined) {
        const since = trace.now() - (clock.now() - hung.busySince!);
        return this.close({
          by: 'hung',
          at: trace.now(),
          source: hung.source.name,
          since: Math.round(since * 1000) / 1000,
          looks: hung.count,
        });
      }
      const polite = this.#watcher.polite ? this.#watcher.channels.find((channel) => channel.notBefore > now) : undefined;
      this.close({
        by: this.#allFailed() ? 'broken' : 'deadline',
        at: trace.now(),
        within: this.#within,
        lastLook,
        ...(polite === undefined ? {} : { retryAfter: Math.round(polite.notBefore - now) }),
      });
    };
    const underWaySince = Math.min(...underWay.map((channel) => channel.busySince!));
    // Even a look that is long overdue gets a turn of the event loop: it may be we who were late.
    // In a short wait, a look that took a quarter of it is long overdue.
    const grace = Math.min(LAST_LOOK_GRACE_MS, Math.max(ONE_TURN_MS, this.#within / 4));
    const patience = underWay.length === 0 ? grace : Math.max(ONE_TURN_MS, underWaySince + grace - now);
    this.#cancelDeadline = clock.after(patience, () => finish('unanswered'));
    let open = this.#watcher.channels.length;
    if (open === 0) return finish('answered');
    for (const channel of this.#watcher.channels) {
      channel.lookLast(
        () => {
          if (underWay.length === 0 || this.#settled) return;
          this.#cancelDeadline?.();
          this.#cancelDeadline = clock.after(grace, () => finish('unanswered'));
        },
        () => {
          if (--open === 0 && !this.#settled) finish('answered');
        },
      );
    }
  }

  /** Whether looks were taken and none ever brought a state, a value or a message. */
  #allFailed(): boolean {
    const seen = this.#watcher.subject.trace.observations.slice(this.#from);
    return (
      seen.some((o) => o.kind === 'error') && !seen.some((o) => o.kind === 'state' || o.kind === 'value' || o.kind === 'message')
    );
  }

  #settle(judgement: Judgement, closing: Closing | undefined): void {
    if (this.#settled) return;
    const { trace } = this.#watcher.subject;
    this.#release();
    trace.judged({
      claim: this.#claim.name,
      args: this.#claim.args,
      from: this.#from,
      since: this.#since,
      upTo: trace.observations.length,
      ...(closing === undefined ? {} : { closing }),
      judgement,
    });
    this.#resolve(judgement);
  }

  #release(): void {
    this.#settled = true;
    this.#unfollow?.();
    this.#cancelDeadline?.();
    this.#cancelTick?.();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#watcher.leave(this);
  }
}

/** A look that threw or rejected is an observation; `reject(undefined)` is a failure like any other. */
function failedLook(error: unknown): Event {
  if (error instanceof Error) {
    const cause = error.cause instanceof Error && error.cause.message !== '' ? `: ${error.cause.message}` : '';
    return { kind: 'error', name: error.name, message: `${error.message}${cause}` };
  }
  const thrown = plain(error);
  return {
    kind: 'error',
    message: `the probe threw ${thrown === undefined ? 'undefined' : JSON.stringify(thrown)}, which is not an Error`,
  };
}

function nothing(): void {}

function abortReason(signal: AbortSignal | undefined): string {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason.message : 'aborted';
}
