import type { Judgement } from '../logic/index.ts';
import type { Millis } from '../time/index.ts';
import type { Trace } from '../trace/index.ts';
import type { Pending } from './pending.ts';
import type { Defaults } from './settings.ts';
import type { Owner } from './owner.ts';

/** Whether a chain asks for what a promise came to. */
export type Mode = '' | 'resolves' | 'rejects';

/** Where a runner counts the assertions that were made. */
export interface Counting {
  assertionCalls: number;
}

/** What was seen of a wait that failed. */
export interface Seen {
  readonly trace: Trace;
  readonly judgement: Judgement;
  /** What was watched. */
  readonly name?: string | undefined;
}

/** What a runner has for remarks and pictures, which change no verdict. Where it has no place for them, nothing is said. */
export interface Remarks {
  /** Says something of a test that may well pass. */
  readonly remark?: ((owner: Owner, text: string) => Promise<void> | undefined) | undefined;
  /** Hangs an SVG on a test that fails, and what it was drawn from, where it has a use. */
  readonly picture?: ((owner: Owner, title: string, svg: string, seen: Seen) => Promise<void> | undefined) | undefined;
}

/** What the block and fluent forms need to know of a runner. */
export interface Edge extends Remarks {
  /**
   * The test whose code this is; undefined outside of any.
   *
   * @throws HarnessError `which-test` where it could be another's
   */
  ownTest(call: Pick<Pending, 'label' | 'site'>): Owner | undefined;
  /** How the runner's assertions have this name: as a method or as a property; undefined where they do not. */
  kindOf(name: string): 'method' | 'property' | undefined;
  /**
   * The runner's own assertion of a value.
   *
   * @param mode what a promise has come to, and whether the chain asks for that
   */
  assertion(owner: Owner | undefined, value: unknown, mode: Mode): object;
  /** Whether one of the runner's assertions threw this. */
  isAssertion(error: Error): boolean;
  /** Where the assertions of a test are counted; where the runner does not count them, anywhere. */
  counting(owner: Owner | undefined): Counting;
  /** Fails a test without ending it; absent where the runner cannot. */
  readonly failSoftly?: ((owner: Owner, error: unknown) => void) | undefined;
  /** What holds where a call does not say. */
  defaults(owner: Owner | undefined): Defaults;
  /** How a test is given this much time, in milliseconds, in the words of this runner. */
  readonly giveTime: (ms: Millis) => string;
  /** Moves the runner's fake timers on, by as much as real time went by since the last look. */
  readonly moveTimers?: ((sinceLast: Millis) => void) | undefined;
}
