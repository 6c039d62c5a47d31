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
  type Expect,
  type PlaywrightTestArgs,
  type PlaywrightTestOptions,
  type PlaywrightWorkerArgs,
  type PlaywrightWorkerOptions,
  type TestType,
} from '@playwright/test';
import type { AsyncMatchers } from '../matchers/async.ts';
import * as matchers from '../matchers/index.ts';
import type { StayOptions, WaitOptions } from '../matchers/matcher.ts';
import { adapt } from './adapt.ts';
import { enter, exit } from './tests.ts';

/** Playwright's own `expect`, with the matchers. It extends what `@playwright/test` exports as well. */
export const expect: Expect = ownExpect.extend(
  Object.fromEntries(Object.values(matchers).map((matcher) => [matcher.name, adapt(matcher)])),
);

/**
 * Playwright's own `test`. When a test ends, whatever matcher it did not await fails it, and what was pending as it timed out is told.
 *
 * A suite with fixtures of its own extends this one, or takes it in: `mergeTests(holdfastTest, ownTest)`.
 */
export const test: TestType<PlaywrightTestArgs & PlaywrightTestOptions, PlaywrightWorkerArgs & PlaywrightWorkerOptions> =
  ownTest.extend<{ holdfast: void }>({
    holdfast: [
      // Playwright reads from the first parameter which fixtures are asked for: none.
      // oxlint-disable-next-line no-empty-pattern
      async ({}, use, info) => {
        enter(info);
        await use();
        await exit(info);
      },
      { auto: true, box: true },
    ],
  });

export type { AsyncMatchers, StayOptions, WaitOptions };

declare global {
  namespace PlaywrightTest {
    // The parameters must repeat Playwright's own, to the letter.
    interface Matchers<R, T = unknown> extends AsyncMatchers {}
  }
}
