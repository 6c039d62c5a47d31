import type { Millis } from '../time/duration.ts';
import { Channel, type Crowd, type Waiting } from './channel.ts';
import type { FirstLook } from './look.ts';
import { Pushes } from './pushes.ts';
import { isPull, type Push } from './source.ts';
import type { Subject } from './subject.ts';

const NONE: readonly never[] = [];

/** One who waits on a subject. */
export interface Joined extends Waiting {
  /** Whether it tests values by itself. */
  readonly tests: boolean;
  readonly beforeLook: ((sinceLast: Millis) => void) | undefined;
}

/** All who wait on one subject share its looks. */
export class Watcher implements Crowd {
  readonly subject: Subject;
  readonly channels: readonly Channel[];
  /** Replaced rather than changed: whoever goes through it is not disturbed by who comes and goes. */
  waits: readonly Joined[] = NONE;
  /** Whether the server's wish counts: it does until somebody asks for a pace of their own. */
  polite = true;
  /** The one who waits, when there is one only. */
  only: Joined | undefined;
  hooks: readonly ((sinceLast: Millis) => void)[] = NONE;
  /** Those who test values by themselves, and whether there are no others. */
  testers: readonly Joined[] = NONE;
  onlyTesters = false;
  #pushes: Pushes | undefined;

  /** @param first the look that was taken before anybody waited */
  constructor(subject: Subject, first: FirstLook | undefined) {
    this.subject = subject;
    const only = subject.sources[0];
    if (subject.sources.length === 1 && only !== undefined && isPull(only)) {
      this.channels = [new Channel(this, only, first)];
    } else {
      this.channels = subject.sources.filter(isPull).map((source) => new Channel(this, source));
      const pushes = subject.sources.filter((source): source is Push => !isPull(source));
      if (pushes.length > 0) this.#pushes = new Pushes(subject, pushes, () => this.#sourceEnded());
      // Known from the beginning, so that one that never tells anything is missed.
      const telling = subject.sources.filter(({ stateless }) => stateless !== true);
      if (telling.length > 1) subject.trace.expect(telling.map(({ name }) => name));
    }
  }

  get closed(): boolean {
    return this.#pushes?.closed === true;
  }

  /** How many push sources are listened to: what they do not tell is not told. */
  get listening(): number {
    return this.#pushes?.listening ?? 0;
  }

  /** The push sources that are heard no more, though they have not ended in order. */
  get deaf(): readonly string[] {
    return this.#pushes?.deaf ?? NONE;
  }

  /** Of these, the ones that broke off for good. */
  get lost(): readonly string[] {
    return this.#pushes?.lost ?? NONE;
  }

  open(): Promise<void> {
    return this.#opened().open();
  }

  async close(): Promise<void> {
    const dispose = this.#opened().shut();
    for (const wait of this.waits) wait.close({ by: 'aborted', at: this.subject.trace.now(), why: 'closed' });
    await dispose();
  }

  /** Most subjects are asked, and have none of these. */
  #opened(): Pushes {
    return (this.#pushes ??= new Pushes(this.subject, NONE, nothing));
  }

  join(wait: Joined): void {
    this.waits = this.waits.length === 0 ? [wait] : [...this.waits, wait];
    this.#settle();
    if (wait.tests) for (const channel of this.channels) channel.reopen();
    if (this.#pushes?.none === false) {
      this.open().then(
        () => this.#wake(),
        (error: unknown) => wait.fail(error),
      );
    } else {
      this.#wake();
    }
  }

  leave(wait: Joined): void {
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

  #sourceEnded(): void {
    if (this.ended()) for (const wait of this.waits) wait.ended();
  }

  /** After news: the sources may have ended. */
  ended(tests = false): boolean {
    return this.#pushes?.ended !== false && this.channels.every((channel) => channel.done && !(tests && channel.more));
  }
}

function nothing(): void {}
