/**
 * The matchers for Jest: importing this, in a test or in `setupFilesAfterEnv`, extends Jest's own `expect`, and exports it.
 *
 * ```ts
 * import { test } from '@jest/globals';
 * import { expect } from 'holdfast/jest';
 * ```
 *
 * Jest loads it with `NODE_OPTIONS=--experimental-vm-modules`: this package is made of ES modules.
 *
 * @module
 */
import { expect } from '@jest/globals';
import type { ConsistentlyOptions } from '../edge/consistently.ts';
import type { EventuallyOptions } from '../edge/eventually.ts';
import { adaptForExpect } from '../edge/expect-package.ts';
import type { Defaults } from '../edge/settings.ts';
import type { AsyncMatchers } from '../matchers/async.ts';
import * as matchers from '../matchers/index.ts';
import type { StayOptions, WaitOptions } from '../matchers/matcher.ts';
import { matcherEdge } from './edge.ts';
import { consistently, eventually, type Eventual } from './forms.ts';
import { defaults } from './settings.ts';

expect.extend(Object.fromEntries(Object.values(matchers).map((matcher) => [matcher.name, adaptForExpect(matcher, matcherEdge)])));

export { consistently, defaults, eventually, expect };
export type { AsyncMatchers, ConsistentlyOptions, Defaults, Eventual, EventuallyOptions, StayOptions, WaitOptions };

declare module 'expect' {
  // The parameters must repeat the package's own, to the letter.
  interface Matchers<R extends void | Promise<void>, T = unknown> extends AsyncMatchers {}
}

declare global {
  /** For those whose types of Jest come from `@types/jest`. */
  namespace jest {
    interface Matchers<R, T> extends AsyncMatchers {}
  }
}
