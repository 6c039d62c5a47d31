import type { Millis } from '../../time/index.ts';
import type { Alongside, Operation, Outcome } from '../store.ts';

/** A job that a worker has taken up, and may lose at any moment. */
export interface Job {
  /** As it was when it was taken up. */
  readonly operation: Operation;
  /**
   * Waits until a moment of the clock, or for less when it was cancelled or the signal aborts; false when there is no reason left to
   * go on.
   *
   * @param how.idle whether it only waits for somebody else: others are worked on meanwhile
   */
  until(moment: Millis, how?: { readonly idle?: boolean; readonly signal?: AbortSignal }): Promise<boolean>;
  /** As it is now; undefined when it is no longer this worker's, or the server goes down. */
  now(): Promise<Operation | undefined>;
  /**
   * Notes how far the work is.
   *
   * @param step how many steps are done
   * @param noted what the next worker must know, when this one dies
   * @param alongside what is to be kept in the same transaction
   * @returns false when the job is no longer this worker's
   */
  note(step: number, noted?: unknown, alongside?: Alongside): Promise<boolean>;
  /** Ends it; false when it is no longer this worker's, or was cancelled before it succeeded. */
  finish(outcome: Outcome, alongside?: Alongside): Promise<boolean>;
}

/** Work of one kind, accepted at once and done later. */
export interface Kind {
  /**
   * Does the work. It may be called again for the same operation, when a worker died or the store failed, and goes on from what
   * was noted. What rejects is tried again.
   */
  run(job: Job): Promise<void>;
}
