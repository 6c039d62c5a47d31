import { systemClock, type Clock } from '../time/clock.ts';
import type { Duration } from '../time/index.ts';
import { createTrace, type Trace } from '../trace/trace.ts';
import type { Lifecycle } from '../trace/index.ts';
import type { Source } from './source.ts';

/** Something alive that can be watched: sources that write to one trace, on one clock. */
export interface Subject {
  readonly clock: Clock;
  readonly trace: Trace;
  readonly sources: readonly Source[];
  /** What is watched, to be named in a message: `POST http://…/reports`. */
  readonly name?: string | undefined;
  /** Legal states and moves, where they are known. */
  readonly lifecycle?: Lifecycle | undefined;
}

/** The handle of an accepted operation. */
export interface Acceptance {
  /** The operation's id, as its dialect tells it; the monitor's address where it tells none. */
  readonly id: string;
  /** How the acceptance was read, such as `location`. */
  readonly dialect: string;
}

/**
 * One long-running piece of work. It starts once, at first use, after its push sources are listening; everything that
 * waits on it shares one watcher.
 */
export interface Operation extends Subject {
  /** Starts the operation if need be, and resolves when the provider has taken it. */
  readonly accepted: Promise<Acceptance>;
  readonly lifecycle: Lifecycle;
  /**
   * Waits for success and resolves to the result.
   *
   * @param options.within how long to wait for the success, and then for a result that is elsewhere; 4 s by default
   * @throws ContractViolation when it does not succeed in time; HarnessError `no-result`, `no-answer` when its result cannot be had
   */
  result(options?: { readonly within?: Duration | undefined }): Promise<unknown>;
  /**
   * Asks the provider to cancel, in the way of the dialect.
   *
   * @param options.within how long to wait for the answer; 4 s by default
   * @throws HarnessError `nothing-to-cancel`, `cancel-refused`, `no-answer`
   */
  cancel(options?: { readonly within?: Duration | undefined }): Promise<void>;
}

/**
 * Sources as one subject.
 *
 * @param sources what to see it by
 * @param options.clock the system clock by default
 *
 * @example
 * ```ts
 * import { subject, watch } from 'holdfast';
 * import { poll } from 'holdfast/probes';
 * import { reach } from 'holdfast/logic';
 * const judgement = await watch(subject([poll(() => 'ready')]), reach({ state: 'ready' }));
 * judgement.verdict; // => 'holds'
 * ```
 */
export function subject(
  sources: readonly Source[],
  options: {
    clock?: Clock | undefined;
    trace?: Trace | undefined;
    name?: string | undefined;
    lifecycle?: Lifecycle | undefined;
  } = {},
): Subject {
  const clock = options.clock ?? systemClock;
  const { lifecycle, name } = options;
  return { clock, trace: options.trace ?? createTrace({ clock, lifecycle }), sources, name, lifecycle };
}
