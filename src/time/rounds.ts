import type { Clock } from './clock.ts';
import type { Millis } from './duration.ts';

/** The share of one processor that all looks of one clock may take together. */
export const LOOK_SHARE = 0.01;

/** What `due` is while a waiter is not scheduled. */
export const NOT_DUE: Millis = Number.POSITIVE_INFINITY;

/** One who waits in rounds: called once when its moment has come. */
export interface Waiter {
  /** Set by {@link Rounds}: the moment on its clock; infinite while not scheduled (a number throughout needs no box). */
  due: Millis;
  look(): void;
}

/**
 * One timer for all who look on one clock. Looks that are due close together are taken in one round; the cost of the last
 * round tells how long a round should rest.
 */
export class Rounds {
  static readonly #byClock: WeakMap<Clock, Rounds> = new WeakMap();

  /** The rounds of a clock. */
  static of(clock: Clock): Rounds {
    let rounds = Rounds.#byClock.get(clock);
    if (rounds === undefined) Rounds.#byClock.set(clock, (rounds = new Rounds(clock)));
    return rounds;
  }

  readonly #clock: Clock;
  #waiting: Waiter[] = [];
  #armed: Millis = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;
  /**
   * What a look of everybody cost in each of the last rounds, in milliseconds. The cheapest counts: a slow round (a collection of
   * garbage, code that runs for the first time, a processor that had gone to sleep) must not make everybody wait.
   */
  readonly #costs: Millis[] = [];
  #cost: Millis = 0;
  /** How many looked or waited when the last round began. */
  #crowd = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long a round should rest for its looks to stay within the shared budget, in milliseconds. */
  gap(): Millis {
    const crowd = Math.max(this.#waiting.length, this.#crowd);
    return Math.max(crowd * LEAST_COST_MS, this.#cost) / LOOK_SHARE;
  }

  /**
   * Calls the waiter after `gap` milliseconds.
   *
   * @param loose it may be called up to a gap earlier, but not now, together with others of a crowd
   */
  schedule(waiter: Waiter, gap: Millis, now: Millis = this.#clock.now(), loose = false): void {
    if (waiter.due === NOT_DUE) this.#waiting.push(waiter);
    const due = now + gap;
    if (loose && Math.max(this.#waiting.length, this.#crowd) > CROWD) {
      // On a grid of powers of two, waiters with about the same gap fall due together, whenever they began.
      const grid = 2 ** Math.floor(Math.log2(gap));
      const aligned = Math.floor(due / grid) * grid;
      waiter.due = aligned > now ? aligned : due;
    } else {
      waiter.due = due;
    }
    this.#arm(waiter.due);
  }

  cancel(waiter: Waiter): void {
    if (waiter.due === NOT_DUE) return;
    waiter.due = NOT_DUE;
    const index = this.#waiting.indexOf(waiter);
    const last = this.#waiting.pop()!;
    if (last !== waiter) this.#waiting[index] = last;
    if (this.#waiting.length === 0) {
      this.#forget();
      this.#cancel?.();
      this.#cancel = undefined;
      this.#armed = Number.POSITIVE_INFINITY;
    }
  }

  /** What the looks of one crowd cost says nothing about the next. */
  #forget(): void {
    this.#costs.length = 0;
    this.#cost = 0;
    this.#crowd = 0;
  }

  #arm(due: Millis): void {
    if (due >= this.#armed) return;
    this.#cancel?.();
    this.#armed = due;
    this.#cancel = this.#clock.after(Math.max(0, due - this.#clock.now()), () => this.#round());
  }

  #round(): void {
    const start = this.#clock.now();
    this.#armed = Number.POSITIVE_INFINITY;
    this.#cancel = undefined;
    const all = this.#waiting;
    // A crowd is due all at once, as a rule: then it need not be told apart, nor put in order.
    let [ready, later]: [Waiter[], Waiter[]] = [all, []];
    if (!areDue(all, start + SAME_ROUND_MS)) {
      ready = all.filter((waiter) => waiter.due <= start + SAME_ROUND_MS);
      later = all.filter((waiter) => waiter.due > start + SAME_ROUND_MS);
    }
    this.#crowd = all.length;
    this.#waiting = later;
    const untouched = later.length;
    // In order of their moments: in virtual time the order must not hang on who was scheduled last.
    if (!inOrder(ready)) ready.sort((a, b) => a.due - b.due);
    // By index throughout: an iterator for each of a thousand waiters is most of what a round would leave behind.
    for (let i = 0; i < ready.length; i++) ready[i]!.due = NOT_DUE;
    // What one of them throws must keep neither the others nor the next round from being called.
    let failed: { readonly error: unknown } | undefined;
    for (let i = 0; i < ready.length; i++) {
      try {
        ready[i]!.look();
      } catch (error) {
        failed ??= { error };
      }
    }
    // A round in which somebody stopped waiting cost more than its looks, and is no measure of them.
    // So is one of a few: waking up cost more than looking.
    if (ready.length * 2 > this.#crowd && this.#waiting.length === untouched + ready.length) {
      const looks = Math.max(0, this.#clock.now() - start - WAKE_UP_MS);
      this.#costs.push((looks / ready.length) * this.#crowd);
      if (this.#costs.length > ROUNDS_REMEMBERED) this.#costs.shift();
      this.#cost = this.#costs.length < ROUNDS_REMEMBERED ? 0 : Math.min(...this.#costs);
    }
    if (this.#waiting.length === 0) this.#forget();
    let next = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#waiting.length; i++) {
      const { due } = this.#waiting[i]!;
      if (due < next) next = due;
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
    if (failed !== undefined) throw failed.error;
  }
}

function areDue(waiters: readonly Waiter[], by: Millis): boolean {
  for (let i = 0; i < waiters.length; i++) if (waiters[i]!.due > by) return false;
  return true;
}

function inOrder(waiters: readonly Waiter[]): boolean {
  for (let i = 1; i < waiters.length; i++) if (waiters[i]!.due < waiters[i - 1]!.due) return false;
  return true;
}

/** Looks due within this many milliseconds of a round are taken with it: less than a timer can tell apart. */
const SAME_ROUND_MS: Millis = 0.5;
/**
 * What a look costs at least, in milliseconds: one of a crowd finds little of what it touches in the processor's caches, and what
 * it leaves behind is to be collected.
 */
const LEAST_COST_MS: Millis = 0.004;
/** What a round costs whoever looks, in milliseconds: a processor that wakes up finds none of its caches filled. */
const WAKE_UP_MS: Millis = 0.05;
/** Of how many rounds the cheapest tells what a look costs; before there are so many, nothing is known of it. */
const ROUNDS_REMEMBERED = 4;
/** With more waiters than this, their moments are aligned. */
const CROWD = 8;
