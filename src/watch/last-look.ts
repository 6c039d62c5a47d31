import type { Closing } from '../logic/index.ts';
import type { Millis } from '../time/duration.ts';
import type { Pace } from '../time/pace.ts';
import type { Channel } from './channel.ts';
import type { Subject } from './subject.ts';

/** How long a look that is under way at the deadline may still take, in milliseconds, before it is called hung. */
export const LAST_LOOK_GRACE_MS: Millis = 250;
/** Time for what is already on its way to arrive, in milliseconds. */
const ONE_TURN_MS: Millis = 20;

/** A wait whose time is up. */
export interface Ending {
  readonly subject: Subject;
  readonly channels: readonly Channel[];
  readonly pace: Pace | undefined;
  /** How long it was to last, in milliseconds. */
  readonly within: Millis;
  readonly settled: boolean;
  /** Since when what was recorded is being tested, in milliseconds since the trace began; undefined where nothing is. */
  readonly testingSince: Millis | undefined;
  /** Calls once all that was recorded has been tested. */
  whenTested(then: () => void): void;
  allFailed(): boolean;
  /** Has it give up after so many milliseconds, and no earlier. */
  snooze(ms: Millis): void;
  close(closing: Closing): void;
}

/** What a wait does when its time is up: one last look, and a little patience for a look that is under way. */
export class LastLook {
  readonly #wait: Ending;
  readonly #now: Millis;
  readonly #underWay: readonly Channel[];
  readonly #grace: Millis;
  #looked = false;
  /** How many sources may still answer. */
  #open: number;

  constructor(wait: Ending) {
    this.#wait = wait;
    this.#now = wait.subject.clock.now();
    this.#underWay = wait.channels.filter((channel) => channel.busySince !== undefined);
    this.#open = wait.channels.length;
    // Even a look that is long overdue gets a turn of the event loop: it may be we who were late.
    // In a short wait, a look that took a quarter of it is long overdue.
    this.#grace = Math.min(LAST_LOOK_GRACE_MS, Math.max(ONE_TURN_MS, wait.within / 4));
  }

  begin(): void {
    this.#wait.snooze(this.#patience());
    if (this.#open === 0) return this.#finish(undefined);
    for (const channel of this.#wait.channels) {
      channel.lookLast(
        (one) => this.#isWanted(one),
        () => {
          if (--this.#open > 0 || this.#wait.settled) return;
          // What the last look told may still be being tested.
          this.#wait.whenTested(() => this.#finish(this.#looked ? 'answered' : undefined));
        },
      );
    }
  }

  /** It has had its time. */
  giveUp(): void {
    this.#finish('unanswered');
  }

  #patience(): Millis {
    if (this.#underWay.length === 0) return this.#grace;
    const since = Math.min(...this.#underWay.map((channel) => channel.busySince!));
    // Of the whole grace one turn is kept for the look that is taken once the one under way has come back.
    return Math.max(ONE_TURN_MS, Math.min(since + this.#grace - this.#now, LAST_LOOK_GRACE_MS - ONE_TURN_MS));
  }

  #isWanted(channel: Channel): boolean {
    const { settled, pace, subject } = this.#wait;
    // It may be asked long after this wait was ended as hung, at the cost of those who still wait.
    if (settled) return false;
    const now = subject.clock.now();
    // One look before its time is no burden, and a verdict without it would be about an older moment. But a server that has
    // just refused and said for how long would only refuse again.
    if (pace === undefined && channel.failing && channel.notBefore > now) return false;
    this.#looked = true;
    if (this.#underWay.length > 0) {
      const left = Math.min(this.#grace, this.#now + LAST_LOOK_GRACE_MS - now);
      this.#wait.snooze(Math.max(ONE_TURN_MS, left));
    }
    return true;
  }

  #finish(lastLook: 'answered' | 'unanswered' | undefined): void {
    const { channels, pace, subject, within } = this.#wait;
    const { clock, trace } = subject;
    const at = trace.now();
    const hung = this.#underWay.find((channel) => channel.busySince !== undefined && channel.busySince < this.#now);
    if (hung !== undefined) {
      const since = Math.round((at - (clock.now() - hung.busySince!)) * 1000) / 1000;
      const testing = hung.testing ? { testing: true } : undefined;
      return this.#wait.close({ by: 'hung', at, source: hung.source.name, since, looks: hung.count, ...testing });
    }
    const { testingSince } = this.#wait;
    if (testingSince !== undefined) return this.#wait.close({ by: 'hung', at, since: testingSince, testing: true });
    const polite = pace === undefined ? channels.find((channel) => channel.notBefore > this.#now) : undefined;
    this.#wait.close({
      by: this.#wait.allFailed() ? 'broken' : 'deadline',
      at,
      within,
      ...(lastLook === undefined ? {} : { lastLook }),
      ...(polite === undefined ? {} : { retryAfter: Math.round(polite.notBefore - this.#now) }),
    });
  }
}
