/**
 * The matchers for Playwright Test: Playwright's own `expect` with them, and its own `test`, which notices one that is not awaited.
 *
 * ```ts
 * import { expect, test } from 'holdfast/playwright';
 * ```
 *
 * @module
 */
import {
  expect as ownExpect,
  test as ownTest,
  type PlaywrightTestArgs,
  type PlaywrightTestOptions,
  type PlaywrightWorkerArgs,
  type PlaywrightWorkerOptions,
  type TestType,
} from '@playwright/test';
import type { ConsistentlyOptions } from '../edge/consistently.ts';
import type { EventuallyOptions } from '../edge/eventually.ts';
import type { Defaults } from '../edge/settings.ts';
import type { AsyncMatchers } from '../matchers/async.ts';
import * as matchers from '../matchers/index.ts';
import type { StayOptions, WaitOptions } from '../matchers/matcher.ts';
import { adapt } from './adapt.ts';
import { provide } from './edge.ts';
import { expect } from './expect.ts';
import { consistently, eventually, type Eventual } from './forms.ts';
import { defaults } from './settings.ts';
import { enter, exit } from './tests.ts';

/** What the config, and `test.use`, may say: `use: { holdfastDefaults: { within: '10s' } }`. */
export interface HoldfastOptions {
  readonly holdfastDefaults: Defaults;
}

const adapted = Object.fromEntries(Object.values(matchers).map((matcher) => [matcher.name, adapt(matcher)]));
expect.extend(adapted);
ownExpect.extend(adapted);

/**
 * Playwright's own `test`. When a test ends, whatever matcher it did not await fails it, and what was pending as it timed out is told.
 *
 * A suite with fixtures of its own extends this one, or takes it in: `mergeTests(holdfastTest, ownTest)`.
 */
export const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions & HoldfastOptions,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions
> = ownTest.extend<HoldfastOptions & { holdfast: void }>({
  holdfastDefaults: [{}, { option: true }],
  holdfast: [
    async ({ holdfastDefaults }, use, info) => {
      provide(enter(info), holdfastDefaults);
      await use();
      await exit(info);
    },
    { auto: true, box: true },
  ],
});

export { consistently, defaults, eventually, expect };
export type { AsyncMatchers, ConsistentlyOptions, Defaults, Eventual, EventuallyOptions, StayOptions, WaitOptions };

declare global {
  namespace PlaywrightTest {
    // The parameters must repeat Playwright's own, to the letter.
    interface Matchers<R, T = unknown> extends AsyncMatchers {}
  }
}
