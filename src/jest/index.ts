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
import { afterAll, afterEach, beforeEach, expect, jest } from '@jest/globals';
import { Attempt } from '../edge/attempt.ts';
import { adaptForExpect, asksOf } from '../edge/expect-package.ts';
import { globalExpect } from '../edge/refusals.ts';
import { leave } from '../edge/waiting.ts';
import type { AsyncMatchers } from '../matchers/async.ts';
import * as matchers from '../matchers/index.ts';
import type { StayOptions, WaitOptions } from '../matchers/matcher.ts';
import { timersAreFaked } from '../time/clock.ts';
import type { Millis } from '../time/index.ts';
import { listen, runningTests, testOf } from './circus.ts';

/** Under another runner than Jest's own, hooks tell of one test at a time. */
let only: Attempt | undefined;

const edge = {
  asks: asksOf(expect),
  ownTest,
  moveTimers,
  giveTime: (ms: Millis): string => `test(name, fn, ${ms}) or jest.setTimeout(${ms})`,
};

expect.extend(Object.fromEntries(Object.values(matchers).map((matcher) => [matcher.name, adaptForExpect(matcher, edge)])));

if (!listen()) {
  beforeEach(() => {
    only = new Attempt(expect.getState().currentTestName ?? '');
  });
  afterEach(async () => {
    const errors = (await only?.ends()) ?? [];
    only?.close();
    only = undefined;
    if (errors.length > 0)
      throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several matchers were not awaited');
  });
  afterAll(leave);
}

/** The test whose code this is: the runner knows it by the asynchronous context. */
function ownTest(name: string): Attempt | undefined {
  const known = testOf(expect.getState());
  if (known !== undefined) return known;
  const running = runningTests();
  if (running < 2) return only;
  throw globalExpect(
    name,
    running,
    'call it in the function of the test, or in what that awaits; or use test instead of test.concurrent',
  );
}

/** While fake timers are installed they are moved on as real time goes by, as Vitest's own polling does. */
function moveTimers(sinceLast: Millis): void {
  if (timersAreFaked()) jest.advanceTimersByTime(Math.max(1, Math.round(sinceLast)));
}

export { expect };
export type { AsyncMatchers, StayOptions, WaitOptions };

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
