import type { Matchers } from 'expect';
import { consistentlyFor, type ConsistentlyOptions } from './consistently.ts';
import type { Edge } from './edge.ts';
import { eventuallyFor, type EventuallyOptions } from './eventually.ts';
import type { AttemptContext } from './form.ts';

/** The forms of runners whose `expect` is that of the package `expect`, as Jest's is. */

type Negatable<T> = Matchers<Promise<void>, T> & { readonly not: Matchers<Promise<void>, T> };

/** What `eventually` and `consistently` give back: to be awaited, or to be asked for any matcher of `expect`. */
export type Eventual<T> = Promise<Awaited<T>> &
  Negatable<Awaited<T>> & { readonly resolves: Negatable<Awaited<T>>; readonly rejects: Negatable<unknown> };

/** `eventually`, with the matchers of `expect`. */
export interface Eventually {
  /**
   * Tries a block of assertions again and again until it passes, or a probe until its value passes a matcher of `expect`.
   *
   * The first attempt is made at once, a last one at the deadline. An attempt that throws, rejects (also with `undefined`) or
   * answers `false` is a "not yet"; a matcher may be any, also `.not`, `.resolves`, `.rejects`, `toThrow` and your own.
   * Its promise resolves to what the block gave back.
   *
   * @param fn is given an abort signal that fires when nobody waits any more
   * @param options.within how long to wait; 4 s by default, less where the test has less left
   * @throws ContractViolation when it did not pass in time; HarnessError for a mistake in the call
   */
  <T>(fn: (context: AttemptContext) => T, options?: EventuallyOptions): Eventual<T>;
}

/** `consistently`, with the matchers of `expect`. */
export interface Consistently {
  /**
   * Tries a block of assertions, or a matcher on a probe's value, for a while: it must pass at every attempt. The first that fails
   * ends it at once. With `.not` it claims that something does not happen: `consistently(fn).not.toBe('failed')`.
   *
   * It watches from the call on: `const calm = consistently(…); await cancel(); await calm`.
   *
   * @param fn is given an abort signal that fires when nobody waits any more
   * @param options.for how long; 500 ms by default
   * @throws ContractViolation when an attempt failed, hung, or fewer than three were made; HarnessError for a mistake in the call
   */
  <T>(fn: (context: AttemptContext) => T, options?: ConsistentlyOptions): Eventual<T>;
}

export function expectForms(edge: Edge): { readonly eventually: Eventually; readonly consistently: Consistently } {
  return { eventually: eventuallyFor(edge) as never, consistently: consistentlyFor(edge) as never };
}
