import { chai, expect, vi } from 'vitest';
import type { Counting, Edge } from '../edge/edge.ts';
import type { Owner } from '../edge/owner.ts';
import type { Millis } from '../time/index.ts';
import { ownTask } from './own-test.ts';
import { ownerOf, taskOf } from './owner.ts';
import { picture, remark } from './remarks.ts';
import { defaultsFor } from './settings.ts';
import { assertionFor, failSoftly } from './soft.ts';

/** Vitest, as the block and fluent forms know it. */
export const edge: Edge = {
  ownTest(call) {
    const task = ownTask(call);
    return task === undefined ? undefined : ownerOf(task);
  },
  kindOf(name) {
    for (let on: unknown = chai.Assertion.prototype; on !== null && on !== Object.prototype; on = Object.getPrototypeOf(on)) {
      const own = Object.getOwnPropertyDescriptor(on, name);
      if (own !== undefined) return own.get === undefined && typeof own.value === 'function' ? 'method' : 'property';
    }
    return undefined;
  },
  assertion(owner, value, mode) {
    const assertion = assertionFor(taskOf(owner), value);
    // Whoever wrote the matcher can see that it is asked again and again.
    chai.util.flag(assertion, 'poll', true);
    if (mode !== '') chai.util.flag(assertion, 'promise', mode);
    return assertion;
  },
  isAssertion: (error) => error instanceof chai.AssertionError,
  counting: countedBy,
  failSoftly: (owner, error) => failSoftly(taskOf(owner)!, error),
  defaults: defaultsFor,
  giveTime,
  moveTimers,
  remark,
  picture,
};

/** How a test is given this much time, in milliseconds. */
export function giveTime(ms: Millis): string {
  return `test(name, fn, ${ms}) or test.testTimeout in the Vitest config`;
}

/** While fake timers are installed they are moved on as real time goes by, as the runner's own polling does. */
export function moveTimers(sinceLast: Millis): void {
  if (vi.isFakeTimers()) vi.advanceTimersByTime(Math.max(1, Math.round(sinceLast)));
}

/** Whether a test has asked for an expect of its own: to ask for it would give it one. */
const LOCAL = '_local';

/**
 * Where the assertions are counted that the test's `expect.assertions` is about: in its own expect, once it has asked for it. To set it
 * by `setState` costs more than all else that an attempt costs.
 */
function countedBy(owner: Owner | undefined): Counting {
  const context = taskOf(owner)?.context as { readonly [LOCAL]?: boolean; readonly expect: typeof expect } | undefined;
  return (context?.[LOCAL] === true ? context.expect : expect).getState();
}
