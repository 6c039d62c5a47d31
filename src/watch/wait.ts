import type { Claim, Closing, Judgement, Tested } from '../logic/index.ts';
import { toldIn } from '../logic/ending.ts';
import { Alarms, type Sleeper } from '../time/alarms.ts';
import type { Millis } from '../time/duration.ts';
import type { Pace } from '../time/pace.ts';
import type { Observation } from '../trace/index.ts';
import type { Channel } from './channel.ts';
import type { Begun } from './glance.ts';
import { LastLook, type Ending } from './last-look.ts';
import type { WatchOptions } from './options.ts';
import type { Subject } from './subject.ts';
import { abortedBy, isFull, Verdict } from './verdict.ts';
import { SharedViews, Views } from './views.ts';
import type { Joined, Watcher } from './watcher.ts';

/** One who waits for one claim. */
export class Wait implements Sleeper, Joined, Ending {
  readonly subject: Subject;
  readonly pace: Pace | undefined;
  readonly start: Millis;
  readonly beforeLook: WatchOptions['beforeLook'];
  readonly #watcher: Watcher;
  settled = false;
  readonly #claim: Claim;
  readonly #verdict: Verdict;
  readonly within: Millis;
  /** The claim itself says how long it takes. */
  readonly #ownTime: boolean;
  readonly #resolve: (judgement: Judgement) => void;
  readonly #reject: (error: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #unrecorded: boolean;
  #unfollow: (() => void) | undefined;
  readonly #alarms: Alarms;
  #alarm: object | undefined;
  /** Begun when time is up. */
  #lastLook: LastLook | undefined;
  /** What the claim's test said of what was seen, as far as judging again needs it. */
  readonly #views: Views | undefined;
  /** Tests of recorded results that have no answer yet. */
  #testing = 0;
  #testingSince: Millis = 0;
  /** Ends the wait once they have, where its last look has come back. */
  #whenTested: (() => void) | undefined;
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
    begun: Begun | undefined,
  ) {
    const { clock, trace } = watcher.subject;
    this.subject = watcher.subject;
    this.#watcher = watcher;
    this.#alarms = Alarms.of(clock);
    this.#claim = claim;
    this.pace = pace;
    this.start = begun?.start ?? clock.now();
    // Looks that were taken before a claim about what happens from now on say nothing for it.
    if (claim.fromNow === true) for (const channel of watcher.channels) channel.flush();
    const isShared = trace.header.scope !== undefined;
    this.#views = claim.test === undefined ? undefined : isShared ? new SharedViews(trace) : new Views();
    this.#verdict = begun?.verdict ?? new Verdict(trace, claim, this.#views?.said);
    // A claim of stability holds at the end of its own time; waiting longer would claim more than was asked.
    const own = claim.fromNow === true ? this.#verdict.due() : undefined;
    this.#ownTime = own !== undefined;
    this.within = own === undefined ? within : Math.max(0, own - this.#verdict.since);
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = options.signal;
    this.#unrecorded = options.unrecorded === true;
    this.beforeLook = options.beforeLook;
    this.#abort = options.signal === undefined ? nothing : () => this.close(abortedBy(options.signal, trace.now()));
  }

  begin(): void {
    const { trace } = this.subject;
    const seen = this.#verdict.upTo;
    const upTo = trace.observations.length;
    this.#verdict.upTo = upTo;
    for (let i = seen; i < upTo; i++) {
      const observation = trace.observations[i]!;
      this.#verdict.note(observation);
      // Other values were told to others, and are looked at anew.
      if (observation.kind === 'state' && this.#testRecorded(observation)) continue;
      const judgement = this.#verdict.step(observation);
      if (judgement !== undefined) return this.#settle(judgement, undefined);
    }
    if (this.#signal?.aborted === true) return this.#abort();
    if (isFull(trace.observations.at(-1))) return this.close({ by: 'bound', at: trace.now() });
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
    this.#unfollow = trace.follow((observation) => this.#saw(observation));
    // From the beginning, before a first look that was taken already.
    const gone = this.subject.clock.now() - this.start;
    this.#alarm = this.#alarms.set(this.within - gone, this);
    this.#armTick();
    // Everything that could ever be seen has been: there is nothing to wait for.
    if (this.#watcher.ended(this.tests)) this.ended();
    if (!this.settled) this.#watcher.join(this);
  }

  get channels(): readonly Channel[] {
    return this.#watcher.channels;
  }

  /** Since when what was recorded is being tested, in milliseconds since the trace began; undefined where nothing is. */
  get testingSince(): Millis | undefined {
    return this.#testing > 0 ? this.#testingSince : undefined;
  }

  /** Calls once all that was recorded has been tested. */
  whenTested(then: () => void): void {
    if (this.#testing > 0) this.#whenTested = then;
    else then();
  }

  /** Sets the alarm anew: so long the last look may still take. */
  snooze(ms: Millis): void {
    if (this.#alarm !== undefined) this.#alarms.clear(this.#alarm);
    this.#alarm = this.#alarms.set(ms, this);
  }

  /** Time is up: for the whole wait, and after that for its last look. */
  ring(): void {
    if (this.settled) return;
    this.#guarded(() => {
      if (this.#lastLook !== undefined) return this.#lastLook.giveUp();
      this.#lastLook = new LastLook(this);
      this.#lastLook.begin();
    });
  }

  /** What a claim or a follower throws fails this wait: whoever called has others to call as well. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(error);
    }
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
    if (this.#testing++ === 0) this.#testingSince = this.subject.trace.now();
    tested.then(
      (then) => {
        this.#testing--;
        if (this.settled) return;
        keep(then);
        this.#step(observation);
        if (this.settled || this.#testing > 0) return;
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
    const { lost } = this.#watcher;
    const at = this.subject.trace.now();
    if (this.allFailed()) return this.close({ by: 'broken', at });
    // Of what would have been told by one that broke off, nobody knows.
    if (lost.length > 0) return this.close({ by: 'broken', at, lost });
    // That something is so for a time is not known before that time is over.
    if (!this.#ownTime) this.close({ by: 'end', at });
  }

  /** Ends the wait although no observation decided. */
  close(given: Closing): void {
    if (this.settled) return;
    this.#guarded(() => {
      for (const channel of this.#watcher.channels) channel.flush();
      const closing = this.#claim.hears === true ? this.#heard(given) : given;
      if (!this.settled) this.#settle(this.#verdict.close(closing), closing);
    });
  }

  /** How well it was listened: where a source is heard, silence is evidence too. */
  #heard(given: Closing): Closing {
    const { listening, deaf } = this.#watcher;
    return { ...given, ...(listening > 0 ? { listening } : {}), ...(deaf.length > 0 ? { deaf } : {}) };
  }

  /** The harness itself cannot go on: a push source that does not open. */
  fail(error: unknown): void {
    if (this.settled) return;
    this.#release();
    this.#reject(error);
  }

  #saw(observation: Observation): void {
    if (this.settled) return;
    this.#verdict.saw(observation);
    try {
      if (this.#testRecorded(observation)) return;
    } catch (error) {
      return this.fail(error);
    }
    this.#step(observation);
  }

  #step(observation: Observation): void {
    try {
      const judgement = this.#verdict.step(observation);
      // The looks without news that came after what decided belong to nobody's judgement.
      if (judgement !== undefined) return this.#settle(judgement, undefined);
      if (!isFull(observation)) return this.#armTick();
      const closing: Closing = { by: 'bound', at: observation.at };
      this.#settle(this.#verdict.close(closing), closing);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Time alone may decide: the trace is told when it comes to that, so that a recording judges the same. */
  #armTick(): void {
    const due = this.#claim.fromNow === true ? undefined : this.#verdict.due();
    if (due === this.#tickAt) return;
    this.#cancelTick?.();
    this.#tickAt = due;
    if (due === undefined) return;
    const { clock, trace } = this.subject;
    this.#cancelTick = clock.after(Math.max(0, due - trace.now()), () => {
      this.#tickAt = undefined;
      this.#guarded(() => {
        for (const channel of this.#watcher.channels) channel.flush();
        if (!this.settled) trace.record('watch', { kind: 'tick' });
      });
    });
  }

  /** Whether looks were taken and all of them failed. */
  allFailed(): boolean {
    const { channels, listening } = this.#watcher;
    // One that is listened to, and refused what it was sent, has heard that nothing else came.
    if (this.#claim.hears === true && listening > 0) return false;
    const since = this.#claim.fromNow === true ? this.start : 0;
    return this.#verdict.allFailed() && !channels.some(({ quietAt }) => quietAt >= since);
  }

  #settle(judgement: Judgement, closing: Closing | undefined): void {
    if (this.settled) return;
    this.#release();
    if (this.#unrecorded) return this.#resolve(judgement);
    this.#verdict.noted(judgement, closing, this.#views?.recorded());
    this.#resolve(judgement);
  }

  #release(): void {
    this.settled = true;
    this.#unfollow?.();
    if (this.#alarm !== undefined) this.#alarms.clear(this.#alarm);
    this.#cancelTick?.();
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#watcher.leave(this);
  }
}

function nothing(): void {}
