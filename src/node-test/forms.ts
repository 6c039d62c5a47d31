import type { Matchers } from 'expect';
import { consistentlyFor, type ConsistentlyOptions } from '../edge/consistently.ts';
import { eventuallyFor, type EventuallyOptions } from '../edge/eventually.ts';
import type { AttemptContext } from '../edge/form.ts';
import { edge } from './expect.ts';

type Negatable<T> = Matchers<Promise<void>, T> & { readonly not: Matchers<Promise<void>, T> };

/** What `eventually` and `consistently` give back: to be awaited, or to be asked for any matcher of the package `expect`. */
export type Eventual<T> = Promise<Awaited<T>> &
  Negatable<Awaited<T>> & { readonly resolves: Negatable<Awaited<T>>; readonly rejects: Negatable<unknown> };

/**
 * Tries a block of assertions again and again until it passes, or a probe until its value passes a matcher of the package `expect`.
 *
 * The first attempt is made at once, a last one at the deadline. An attempt that throws, rejects (also with `undefined`) or
 * answers `false` is a "not yet"; a matcher may be any, also `.not`, `.resolves`, `.rejects`, `toThrow` and your own.
 * Its promise resolves to what the block gave back.
 * `examples/22-node-test` uses it.
 *
 * @param fn is given an abort signal that fires when nobody waits any more
 * @param options.within how long to wait; 4 s by default, less where the test has less left
 * @throws ContractViolation when it did not pass in time; HarnessError for a mistake in the call
 */
export const eventually: <T>(fn: (context: AttemptContext) => T, options?: EventuallyOptions) => Eventual<T> = eventuallyFor(
  edge,
) as never;

/**
 * Tries a block of assertions, or a matcher on a probe's value, for a while: it must pass at every attempt. The first that fails
 * ends it at once. With `.not` it claims that something does not happen: `consistently(fn).not.toBe('failed')`.
 *
 * It watches from the call on: `const calm = consistently(…); await cancel(); await calm`.
 * `examples/22-node-test` uses it.
 *
 * @param fn is given an abort signal that fires when nobody waits any more
 * @param options.for how long; 500 ms by default
 * @throws ContractViolation when an attempt failed, hung, or fewer than three were made; HarnessError for a mistake in the call
 */
export const consistently: <T>(fn: (context: AttemptContext) => T, options?: ConsistentlyOptions) => Eventual<T> =
  consistentlyFor(edge) as never;
