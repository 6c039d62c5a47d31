import type { Ending } from './event.ts';

/** What a state's name is commonly taken to mean. */
export type Meaning = Ending | 'pending';

const WORDS: Readonly<Record<Meaning, readonly string[]>> = {
  pending: [
    'queued',
    'accepted',
    'pending',
    'waiting',
    'scheduled',
    'submitted',
    'received',
    'new',
    'created',
    'notstarted',
    'starting',
    'started',
    'running',
    'inprogress',
    'processing',
    'working',
    'executing',
    'validating',
    'cancelling',
    'canceling',
  ],
  success: ['succeeded', 'success', 'successful', 'completed', 'complete', 'done', 'finished', 'ok'],
  failure: ['failed', 'failure', 'fail', 'error', 'errored', 'faulted', 'rejected', 'timedout', 'expired'],
  cancelled: ['cancelled', 'canceled', 'dismissed', 'aborted', 'revoked', 'terminated'],
};

const MEANINGS: ReadonlyMap<string, Meaning> = new Map(
  Object.entries(WORDS).flatMap(([meaning, words]) => words.map((word) => [word, meaning as Meaning] as const)),
);

/**
 * What a state's name means in common use, ignoring case and the marks between words; undefined for any other word.
 *
 * Whole words only: real clients that search for "fail" inside a word take "FailingOver" for a failure.
 *
 * @example
 * ```ts
 * import { meaningOf } from 'holdfast/trace';
 * meaningOf('In_Progress'); // => 'pending'
 * meaningOf('FailingOver'); // => undefined
 * ```
 */
export function meaningOf(word: string): Meaning | undefined {
  return MEANINGS.get(word.toLowerCase().replace(/[\s_-]/g, ''));
}
