import type { Clock } from './clock.ts';
import type { Millis } from './duration.ts';

/** One who is to be called at a moment. */
export interface Sleeper {
  /** The moment has come. */
  ring(): void;
}

/** A call that was asked for; `sleeper` is undefined once it was made or let go. */
interface Alarm {
  readonly at: Millis;
  sleeper: Sleeper | undefined;
}

/** Alarms that were let go are thrown out once there are this many, and more than of the others. */
const LITTER = 64;

/**
 * One timer for all the deadlines of a clock. A deadline is set for every wait and hardly ever reached, so that setting and
 * letting go must cost next to nothing, also for a thousand at once.
 *
 * @example
 * ```ts
 * import { Alarms, virtualClock } from 'holdfast/time';
 * const clock = virtualClock();
 * const alarms = Alarms.of(clock);
 * let rung = 0;
 * alarms.set(1000, { ring: () => void rung++ });
 * alarms.clear(alarms.set(1000, { ring: () => void rung++ }));
 * await clock.advance(1000);
 * rung; // => 1
 * ```
 */
export class Alarms {
  static readonly #byClock: WeakMap<Clock, Alarms> = new WeakMap();

  /** The alarms of a clock. */
  static of(clock: Clock): Alarms {
    let alarms = Alarms.#byClock.get(clock);
    if (alarms === undefined) Alarms.#byClock.set(clock, (alarms = new Alarms(clock)));
    return alarms;
  }

  readonly #clock: Clock;
  /** In order of their moments; of equal ones, in order of their setting. */
  #alarms: Alarm[] = [];
  #live = 0;
  #armed: Millis = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rings after `ms` milliseconds; what is returned lets it go. */
  set(ms: Millis, sleeper: Sleeper): object {
    const alarm: Alarm = { at: this.#clock.now() + (ms > 0 ? ms : 0), sleeper };
    const alarms = this.#alarms;
    let place = alarms.length;
    // Most waits are of one length, so that a new deadline is nearly always the last.
    while (place > 0 && alarms[place - 1]!.at > alarm.at) place--;
    if (place === alarms.length) alarms.push(alarm);
    else alarms.splice(place, 0, alarm);
    this.#live++;
    if (alarm.at < this.#armed) this.#arm(alarm.at);
    return alarm;
  }

  /** Lets an alarm go; one that has rung or was let go before is left alone. */
  clear(given: object): void {
    const alarm = given as Alarm;
    if (alarm.sleeper === undefined) return;
    alarm.sleeper = undefined;
    this.#live--;
    if (this.#live === 0) {
      this.#alarms = [];
      this.#disarm();
    } else if (this.#alarms.length - this.#live > LITTER + this.#live) {
      this.#alarms = this.#alarms.filter((one) => one.sleeper !== undefined);
    }
  }

  #arm(at: Millis): void {
    this.#disarm();
    this.#armed = at;
    this.#cancel = this.#clock.after(Math.max(0, at - this.#clock.now()), () => this.#ring());
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armed = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    this.#disarm();
    // Those that are set meanwhile ring at a turn of their own.
    const due: Sleeper[] = [];
    const now = this.#clock.now();
    let passed = 0;
    for (let first = this.#alarms[passed]; first !== undefined && isOver(first, now); first = this.#alarms[++passed]) {
      if (first.sleeper !== undefined) due.push(first.sleeper);
      first.sleeper = undefined;
    }
    this.#alarms = this.#alarms.slice(passed);
    this.#live -= due.length;
    const next = this.#alarms[0];
    if (next !== undefined && next.at < this.#armed) this.#arm(next.at);
    // What one of them throws must not keep the others from being called.
    let failed: { readonly error: unknown } | undefined;
    for (const sleeper of due) {
      try {
        sleeper.ring();
      } catch (error) {
        failed ??= { error };
      }
    }
    if (failed !== undefined) throw failed.error;
  }
}

/** Nearer than this, in milliseconds, is now: a sum of fractions may fall short of the moment by less than any clock tells. */
const EARLY_MS: Millis = 0.001;

/** Whether its moment has come, or nobody waits for it any more. */
function isOver(alarm: Alarm, now: Millis): boolean {
  return alarm.sleeper === undefined || alarm.at <= now + EARLY_MS;
}
