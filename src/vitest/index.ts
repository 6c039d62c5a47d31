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
import type { ConsistentlyOptions } from '../edge/consistently.ts';
import type { EventuallyOptions } from '../edge/eventually.ts';
import type { Defaults } from '../edge/settings.ts';
import type { AsyncMatchers } from '../matchers/async.ts';
import type { StayOptions, WaitOptions } from '../matchers/matcher.ts';
import * as matchers from '../matchers/index.ts';
import { adapt, leave } from './adapt.ts';
import { enter } from './attempt.ts';
import { consistently, eventually, type Eventual } from './forms.ts';
import { defaults } from './settings.ts';

expect.extend(Object.fromEntries(Object.values(matchers).map((matcher) => [matcher.name, adapt(matcher)])));

try {
  // Destructured, because with `test.extend` the runner reads from the parameter which fixtures a hook asks for.
  beforeEach(({ task }) => enter(task));
  // Added first, it runs last: what a hook of the file's forgot to await is told then.
  afterAll(leave);
} catch {
  // Imported inside a running test, where no hook can be added: the time left is then taken from the test's own timeout.
}

export { consistently, defaults, eventually, expect };
export type { AsyncMatchers, ConsistentlyOptions, Defaults, Eventual, EventuallyOptions, StayOptions, WaitOptions };

declare module 'vitest' {
  // The parameters must repeat Vitest's own, to the letter.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends AsyncMatchers {}
  /** Defaults for a whole run, from the config: `test: { provide: { holdfast: { within: '10s' } } }`. */
  interface ProvidedContext {
    holdfast?: Defaults;
  }
}
