import { HarnessError, show } from '../errors.ts';
import { operation, type StartDescription } from '../dialects/operation.ts';
import type { Claim } from '../logic/index.ts';
import { poll } from '../probes/index.ts';
import type { Duration, PaceOption } from '../time/index.ts';
import { subject, type Subject } from '../watch/index.ts';

/** What every matcher about an outcome takes. */
export interface WaitOptions {
  /** How long to wait: milliseconds, or a number with its unit (`'30s'`). 4 s by default, less where the test has less left. */
  readonly within?: Duration | undefined;
  /** When to look again: a fixed gap, or a pace. By default what suits the source. */
  readonly pace?: PaceOption | undefined;
}

/** What every matcher about stability takes. */
export interface StayOptions {
  /** How long it must stay so. */
  readonly for: Duration;
  readonly pace?: PaceOption | undefined;
}

/** What a call of a matcher means: a claim, and how to wait for it. */
export interface Meant {
  readonly claim: Claim;
  readonly options: WaitOptions;
}

/** A claim in words: what a matcher is called, and what a call of it means. No runner is known here. */
export interface Matcher<A extends readonly unknown[] = readonly never[]> {
  readonly name: string;
  mean(...args: A): Meant;
}

/** Types a matcher; the name is the file's. */
export function defineMatcher<A extends readonly unknown[]>(matcher: Matcher<A>): Matcher<A> {
  return matcher;
}

/** One operation per answer: several matchers on one Response speak of one operation. */
const operations: WeakMap<object, Subject> = new WeakMap();

/**
 * What a matcher watches, made of what it was given: an operation or any subject, a function to call again and again, the
 * answer to a start (also as a promise), or a monitor's address.
 *
 * @throws HarnessError `nothing-to-watch` for a value that cannot change any more
 */
export function subjectOf(received: unknown, matcher: string): Subject {
  if (typeof received === 'function')
    return subject([poll(received as () => unknown)], { name: received.name === '' ? undefined : received.name });
  if (typeof received === 'object' && received !== null) {
    if ('sources' in received && 'trace' in received && 'clock' in received) return received as Subject;
    const known = operations.get(received);
    if (known !== undefined) return known;
    if (received instanceof Promise || received instanceof Response || 'monitor' in received) {
      const made = operation(received as Response | Promise<Response> | StartDescription);
      operations.set(received, made);
      return made;
    }
  }
  throw new HarnessError(
    'nothing-to-watch',
    `${matcher}: expected an operation, a function, or a Response to follow; received ${show(received)}, which is a value and cannot change any more`,
    `write expect(operation(() => fetch(…))).${matcher}(…), or give the function that looks: expect(() => job.status).${matcher}(…)`,
  );
}
