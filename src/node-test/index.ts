/**
 * The matchers for Node's own runner, `node:test`: on `t.assert`, and on the `expect` of the package `expect` where it is installed.
 *
 * ```ts
 * import { test } from 'node:test';
 * import { expect } from 'holdfast/node-test';
 * ```
 *
 * @module
 */
import type { Expect } from 'expect';
import { after, afterEach, assert, beforeEach, type TestContext } from 'node:test';
import { call } from '../edge/call.ts';
import type { ConsistentlyOptions } from '../edge/consistently.ts';
import type { EventuallyOptions } from '../edge/eventually.ts';
import type { Defaults } from '../edge/settings.ts';
import { siteBelow } from '../edge/site.ts';
import { leave } from '../edge/owner.ts';
import type { AsyncMatchers } from '../matchers/async.ts';
import * as matchers from '../matchers/index.ts';
import type { Matcher, StayOptions, WaitOptions } from '../matchers/matcher.ts';
import { edge, extendExpect } from './expect.ts';
import { consistently, eventually, type Eventual } from './forms.ts';
import { defaults } from './settings.ts';
import { enter, exit, knownTest, type NodeContext } from './tests.ts';

const all = Object.values(matchers);

/**
 * The `expect` of the package `expect`, with the matchers.
 *
 * @throws HarnessError `not-installed` when it is called and the package is not installed
 */
export const expect: Expect = extendExpect(all);

// What it gives back is handed on to whoever calls it on `t.assert`.
for (const matcher of all) assert.register(matcher.name, asserting(matcher) as (...args: unknown[]) => void);

beforeEach((context) => enter(context as unknown as NodeContext));
afterEach((context) => exit(context as unknown as NodeContext));
after(leave);

/** `t.assert.toEventuallySucceed(op)`: the context says whose it is, also while several tests run at the same time. */
function asserting(matcher: Matcher): (this: TestContext, received: unknown, ...args: unknown[]) => Promise<void> {
  return function assertion(this: TestContext, received: unknown, ...args: unknown[]): Promise<void> {
    const label = `t.assert.${matcher.name}(…)`;
    const owner = knownTest(this);
    const outcome = call(matcher, {
      received,
      args,
      isNot: false,
      label,
      site: siteBelow(assertion, /^$/),
      owner,
      edge,
    });
    return outcome.then(() => undefined) as Promise<void>;
  };
}

/** The matchers on `t.assert`: what is watched comes first. */
export type AsyncAsserts = {
  [Name in keyof AsyncMatchers]: (received: unknown, ...args: Parameters<AsyncMatchers[Name]>) => Promise<void>;
};
export { consistently, defaults, eventually };
export type { AsyncMatchers, ConsistentlyOptions, Defaults, Eventual, EventuallyOptions, StayOptions, WaitOptions };

declare module 'expect' {
  // The parameters must repeat the package's own, to the letter.
  interface Matchers<R extends void | Promise<void>, T = unknown> extends AsyncMatchers {}
}

declare module 'node:test' {
  namespace test {
    interface TestContextAssert extends AsyncAsserts {}
  }
}
