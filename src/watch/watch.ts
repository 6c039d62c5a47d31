import { HarnessError } from '../errors.ts';
import type { Claim, Judgement } from '../logic/index.ts';
import { parseDuration, type Millis } from '../time/duration.ts';
import { paceFrom } from '../time/pace.ts';
import { firstLook } from './glance.ts';
import type { WatchOptions } from './options.ts';
import type { Subject } from './subject.ts';
import { Wait } from './wait.ts';
import { Watched } from './watched.ts';

/** How long a watch waits unless told otherwise, in milliseconds: within the 5 s that most runners give a test. */
export const DEFAULT_WITHIN_MS: Millis = 4000;

/**
 * Watches a subject until the claim is decided, or time is up.
 *
 * The first look is taken at once, a last one at the deadline. A look that does not come back is called hung; a look that
 * fails is an observation. When the promise settles, nothing of the watch goes on.
 *
 * @returns the judgement; it never rejects for what the system under test does
 * @throws HarnessError for a bad duration, a subject without sources, a claim that names an unknown state
 *
 * @example
 * ```ts
 * import { subject, watch } from 'holdfast';
 * import { succeed } from 'holdfast/logic';
 * import { poll } from 'holdfast/probes';
 * let paid = false;
 * setTimeout(() => (paid = true), 20);
 * const judgement = await watch(subject([poll(() => paid)]), succeed(), { within: '1s' });
 * judgement.verdict; // => 'holds'
 * ```
 */
export function watch(subject: Subject, claim: Claim, options: WatchOptions = NO_OPTIONS): Promise<Judgement> {
  try {
    const within = options.within === undefined ? DEFAULT_WITHIN_MS : parseDuration(options.within, 'within');
    const pace = options.pace === undefined ? undefined : paceFrom(options.pace);
    if (subject.sources.length === 0) {
      throw new HarnessError(
        'nothing-to-watch',
        'the subject has no sources, so nothing could ever be seen',
        'give it at least one probe, as in subject([poll(fn)])',
      );
    }
    const first = firstLook(subject, claim, options);
    if (first !== undefined && 'decidedBy' in first) return Promise.resolve(first);
    return new Promise((resolve, reject) => {
      const wait = new Wait(Watched.by(subject, first), claim, within, pace, resolve, reject, options, first);
      try {
        wait.begin();
      } catch (error) {
        wait.fail(error);
      }
    });
  } catch (error) {
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what was thrown is handed on as it is
    return Promise.reject(error);
  }
}

const NO_OPTIONS: WatchOptions = {};

/**
 * Opens a subject's push sources, once, and resolves when all of them listen: what is sent from then on is seen. A watch and an operation
 * do so by themselves, before they look and before they start.
 *
 * @throws HarnessError where one of them cannot be listened to; those that listened already are closed
 *
 * @example
 * ```ts
 * import { closeSubject, openSources, subject } from 'holdfast';
 * const bell = subject([
 *   {
 *     name: 'bell',
 *     async open({ record }) {
 *       record({ kind: 'message', data: 'ring' });
 *       return { done: Promise.resolve(), async [Symbol.asyncDispose]() {} };
 *     },
 *   },
 * ]);
 * await openSources(bell);
 * bell.trace.observations[0]?.source; // => 'bell'
 * await closeSubject(bell);
 * ```
 */
export function openSources(subject: Subject): Promise<void> {
  return Watched.by(subject).open();
}

/** Stops listening to a subject's push sources, and ends every watch on it. */
export async function closeSubject(subject: Subject): Promise<void> {
  await Watched.by(subject).close();
}
