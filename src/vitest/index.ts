/**
 * The matchers for Vitest: importing this extends the runner's own `expect`, and exports it.
 *
 * ```ts
 * import { test } from 'vitest';
 * import { expect } from 'holdfast/vitest';
 * ```
 *
 * @module
 */
import { afterAll, beforeEach, expect } from 'vitest';
import type { StayOptions, WaitOptions } from '../matchers/matcher.ts';
import * as matchers from '../matchers/index.ts';
import { adapt, leave } from './adapt.ts';
import { enter } from './attempt.ts';

expect.extend(Object.fromEntries(Object.values(matchers).map((matcher) => [matcher.name, adapt(matcher)])));

try {
  // Destructured, because with `test.extend` the runner reads from the parameter which fixtures a hook asks for.
  beforeEach(({ task }) => enter(task));
  // Added first, it runs last: what a hook of the file's forgot to await is told then.
  afterAll(leave);
} catch {
  // Imported inside a running test, where no hook can be added: the time left is then taken from the test's own timeout.
}

export { expect };
export type { StayOptions, WaitOptions };

/** What the matchers look like on `expect(operation)`. Every one of them must be awaited. */
export interface AsyncMatchers {
  /** Ends as a success, in time. A failure or cancellation ends the wait at once. */
  toEventuallySucceed(options?: WaitOptions): Promise<void>;
  /** Ends as a failure, in time. A success or cancellation ends the wait at once. */
  toEventuallyFail(options?: WaitOptions): Promise<void>;
  /** Ends in time, whichever way. */
  toEventuallySettle(options?: WaitOptions): Promise<void>;
  /** Comes to a state, in time. An ending in another state ends the wait at once. */
  toEventuallyReach(state: string, options?: WaitOptions): Promise<void>;
  /** Is seen in these states in this order; others may lie between. */
  toPassThrough(states: readonly string[], options?: WaitOptions): Promise<void>;
  /** Is in this state now, and at every look until the end of `for`. */
  toStay(state: string, options: StayOptions): Promise<void>;
  /** Is not seen in this state at any look until the end of `for`. */
  toNeverReach(state: string, options: StayOptions): Promise<void>;
}

declare module 'vitest' {
  // The parameters must repeat Vitest's own, to the letter.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends AsyncMatchers {}
}
