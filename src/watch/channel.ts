import { HarnessError, show } from '../errors.ts';
import type { Closing, Tested } from '../logic/index.ts';
import { adaptive, MIN_GAP_MS, type LookTiming, type Pace } from '../time/pace.ts';
import { NOT_DUE, Rounds, type Waiter } from '../time/rounds.ts';
import type { Millis } from '../time/duration.ts';
import type { Event } from '../trace/index.ts';
import { Context, failed, isLooked, isThenable, noEvents, orphan, takeLook, type FirstLook, type Showing } from './look.ts';
import type { Looked, Pull, Viewed } from './source.ts';
import type { Subject } from './subject.ts';

const NONE: readonly never[] = [];

/** One who waits, as far as a channel is concerned. */
export interface Waiting {
  readonly pace: Pace | undefined;
  /** When it began, on the subject's clock. */
  readonly start: Millis;
  test(value: unknown): Tested | PromiseLike<Tested>;
  isNews(tested: Tested): boolean;
  /** What its test said of the value that is recorded next. */
  viewed(seq: number, tested: Tested): void;
  /** There is nothing more to see. */
  ended(): void;
  close(closing: Closing): void;
  fail(error: unknown): void;
}

/** All who share a channel's looks. */
export interface Crowd {
  readonly subject: Subject;
  readonly waits: readonly Waiting[];
  /** The one who waits, when there is one only. */
  readonly only: Waiting | undefined;
  /** Whether the server's wish counts: it does until somebody asks for a pace of their own. */
  readonly polite: boolean;
  /** Called before each look with the milliseconds since the one before. */
  readonly hooks: readonly ((sinceLast: Millis) => void)[];
  /** Those who test values by themselves, and whether there are no others. */
  readonly testers: readonly Waiting[];
  readonly onlyTesters: boolean;
  /** Whether every source has come to its end. */
  ended(): boolean;
}

/** Filled anew for each question to a pace: a crowd asks often, and a pace keeps nothing of it. */
const TIMING: { -readonly [K in keyof LookTiming]: LookTiming[K] } = { count: 0, elapsed: 0, took: 0, waited: false, shared: 0 };

/** One pull source under watch: it takes the looks, counts those without news, and knows when the next is due. */
export class Channel implements Waiter, Showing {
  due: Millis = NOT_DUE;
  done = false;
  /** It is done, but for those who test values. */
  more = false;
  /** When the look that is under way began, on the subject's clock. */
  busySince: Millis | undefined;
  /** The look under way has come back, and what tests its value has not. */
  testing = false;
  readonly source: Pull;
  readonly #crowd: Crowd;
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
  #views: readonly (readonly [Waiting, Tested])[] = NONE;
  /** Which stretch of watching a look belongs to. */
  #watch = 0;
  /** The look that was taken before this was made, until somebody waits for what it brought. */
  #first: FirstLook | undefined;

  /** @param first the look that was taken before this was made */
  constructor(crowd: Crowd, source: Pull, first?: FirstLook) {
    this.#crowd = crowd;
    this.source = source;
    this.#rounds = Rounds.of(crowd.subject.clock);
    this.#first = first;
    this.#context = first?.context ?? new Context(crowd.subject, source);
    this.#context.channel = this;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether somebody tests values. */
  get watched(): boolean {
    return this.#crowd.testers.length > 0;
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
    const early = this.#crowd.polite ? this.#notBefore - this.#crowd.subject.clock.now() : 0;
    if (early > 0) this.#rounds.schedule(this, early);
    else if (this.due === NOT_DUE || this.#count === 0) this.look();
    else this.#sooner();
  }

  /** A newcomer may want to look sooner than those before; the look that is planned must not come later for it. */
  #sooner(): void {
    const now = this.#crowd.subject.clock.now();
    try {
      this.#rounds.schedule(this, Math.max(0, Math.min(this.due - now, this.#nextGap(now, 0, false))));
    } catch (error) {
      this.#fail(error);
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
    // Nobody has come to wait for it since it was taken.
    if (this.#first !== undefined) orphan(this.#first.looked);
    this.#first = undefined;
  }

  /** Those who overruled the server's wish have gone: it counts again. */
  obey(): void {
    if (this.due < this.#notBefore) this.#rounds.schedule(this, this.#notBefore - this.#crowd.subject.clock.now());
  }

  /** Somebody came for whom there is more to see. */
  reopen(): void {
    if (this.more) this.done = this.more = false;
  }

  /** Shows a value as it is to those who test values. */
  view(value: unknown): Viewed | Promise<Viewed> {
    const watch = this.#watch;
    const views: [Waiting, Tested][] = [];
    const later: Promise<void>[] = [];
    for (const wait of this.#crowd.testers) {
      const tested = wait.test(value);
      if ('then' in tested) later.push(Promise.resolve(tested).then((then) => void views.push([wait, then])));
      else views.push([wait, tested]);
    }
    const viewed = (): Viewed => {
      // Of a look that was given up nothing is recorded.
      if (watch === this.#watch) this.#views = views;
      return { news: views.some(([wait, tested]) => wait.isNews(tested)), only: this.#crowd.onlyTesters };
    };
    if (later.length === 0) return viewed();
    this.testing = true;
    return Promise.all(later)
      .then(viewed)
      .finally(() => (this.testing = false));
  }

  look(): void {
    this.#look(false);
  }

  /** When the crowd has grown since this look was planned, it is put off, until it has rested as long as those who came later. */
  #postponed(): boolean {
    const now = this.#crowd.subject.clock.now();
    const rested = now - this.#lastLook;
    const gap = this.#nextGap(now, 0, false);
    if (!(gap > 2 * rested)) return false;
    this.#rounds.schedule(this, gap - rested, now, true);
    return true;
  }

  /** Records what a look saw before it came back. */
  record(event: Event, keys: readonly string[] | undefined): void {
    this.flush();
    this.#crowd.subject.trace.record(this.source.name, event, keys);
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
    const { clock, trace } = this.#crowd.subject;
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
    if (this.done || this.busySince !== undefined || this.#crowd.waits.length === 0) return;
    try {
      if (!last && this.#loose && this.#postponed()) return;
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
    const { clock } = this.#crowd.subject;
    const watch = this.#watch;
    const start = clock.now();
    const sinceLast = start - this.#lastLook;
    if (sinceLast > this.#gap) this.#gap = sinceLast;
    if (this.#crowd.hooks.length > 0) for (const hook of this.#crowd.hooks) hook(Number.isNaN(sinceLast) ? 0 : sinceLast);
    if (watch !== this.#watch) return;
    this.#lastLook = start;
    // A context is let go of with those who waited: who still has it is to see that they have gone.
    if (this.#context.aborted) {
      this.#context = new Context(this.#crowd.subject, this.source);
      this.#context.channel = this;
    }
    this.#context.last = last;
    this.#context.fresh = this.#fresh;
    const looked = takeLook(this.source, this.#context);
    // A probe may itself have ended the wait: then nobody is told what it saw.
    if (isThenable(looked)) this.#await(looked, watch, start);
    else if (watch === this.#watch) this.#came(looked, start, false);
  }

  #await(looked: PromiseLike<Looked>, watch: number, start: Millis): void {
    if (watch === this.#watch) this.busySince = start;
    looked.then(
      (answer) => this.#cameLater(() => answer, watch, start),
      (error: unknown) => this.#cameLater(() => failed(error), watch, start),
    );
  }

  #cameLater(looked: () => Looked, watch: number, start: Millis): void {
    if (watch !== this.#watch) return;
    try {
      this.#came(looked(), start, true);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Not the system under test but its user is at fault: nobody can go on. */
  #fail(error: unknown): void {
    this.busySince = undefined;
    for (const wait of this.#crowd.waits) wait.fail(error);
  }

  /** @param recorded its events are in the trace already */
  #came(looked: Looked | undefined, start: Millis, waited: boolean, recorded = false): void {
    this.busySince = undefined;
    if (!isLooked(looked)) throw noEvents(this.source.name, looked);
    this.#record(looked, start, recorded);
    this.#after(looked, start, waited);
  }

  /** Takes in what a look saw. */
  #record(looked: Looked, start: Millis, recorded: boolean): void {
    const { trace } = this.#crowd.subject;
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
  }

  /** What follows from a look: the end, or when the next is due. */
  #after(looked: Looked, start: Millis, waited: boolean): void {
    const { clock, trace } = this.#crowd.subject;
    if (looked.stop !== undefined) {
      this.done = true;
      const at = trace.now();
      for (const wait of this.#crowd.waits) wait.close({ by: 'aborted', at, why: looked.stop, stopped: true });
      return;
    }
    if (looked.done === true) {
      this.done = true;
      if (this.#crowd.ended()) for (const wait of this.#crowd.waits) wait.ended();
    }
    if (this.#afterLook !== NONE) {
      const after = this.#afterLook;
      this.#afterLook = NONE;
      for (const then of after) then();
    }
    if (this.#crowd.waits.length > 0 && !this.done) {
      // An answer that came at once took no time worth a look at the clock.
      const now = waited ? clock.now() : start;
      const gap = looked.idle === true ? 0 : this.#nextGap(now, now - start, waited);
      const polite = this.#crowd.polite ? this.#notBefore - now : 0;
      const loose = this.#crowd.polite && (this.source.pace ?? adaptive) === adaptive;
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
    const { only, waits } = this.#crowd;
    if (only !== undefined) return this.#gapFor(only, now);
    let gap = Number.POSITIVE_INFINITY;
    for (const wait of waits) gap = Math.min(gap, this.#gapFor(wait, now));
    return gap;
  }

  #gapFor(wait: Waiting, now: Millis): Millis {
    // Who gave no pace leaves the server the time that it asked for, though another may not.
    if (wait.pace === undefined && this.#notBefore > now) return this.#notBefore - now;
    TIMING.elapsed = now - wait.start;
    const pace = wait.pace ?? this.source.pace ?? adaptive;
    const gap = pace.next(TIMING);
    if (!Number.isFinite(gap)) throw badGap(pace.name, gap);
    return gap < MIN_GAP_MS ? MIN_GAP_MS : gap;
  }
}

function badGap(pace: string, gap: unknown): HarnessError {
  return new HarnessError(
    'invalid-pace',
    `the pace '${pace}' asked for a gap of ${typeof gap === 'number' ? String(gap) : show(gap)}`,
    'next() must give a finite number of milliseconds',
  );
}
