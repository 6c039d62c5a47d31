import { HarnessError, show } from '../errors.ts';
import { operation, type StartDescription } from '../dialects/operation.ts';
import * as claims from '../logic/claims/index.ts';
import type { Claim } from '../logic/index.ts';
import { poll } from '../probes/index.ts';
import { formatDuration, parseDuration, type Duration, type Millis, type PaceOption } from '../time/index.ts';
import { DEFAULT_WITHIN_MS, subject, type Source, type Subject } from '../watch/index.ts';
import { checkOptions } from './options.ts';

/** What every matcher about an outcome takes. */
export interface WaitOptions {
  /** How long to wait: milliseconds, or a number with its unit (`'30s'`). 4 s by default, less where the test has less left. */
  readonly within?: Duration | undefined;
  /** When to look again: a fixed gap, or a pace. By default what suits the source. */
  readonly pace?: PaceOption | undefined;
  /**
   * How long to look on past the deadline, to tell a slow system from a broken one: "it would have passed 340ms later". It changes
   * no verdict. By default up to 1 s, no longer than `within` and the test's time; 0 in CI.
   */
  readonly lookPast?: Duration | undefined;
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
  readonly own?: OwnLimit;
}

/** A limit of time that a claim has itself. */
export interface OwnLimit {
  /** In milliseconds. */
  readonly limit: Millis;
  /** How long to wait where nobody says, in milliseconds: longer than the limit, so that it is the claim that decides. */
  readonly within: Millis;
  /** It is about all that is seen, and not decided when one thing is over. */
  readonly holdsAtTheEnd?: boolean | undefined;
}

/** A claim in words: what a matcher is called, and what a call of it means. No runner is known here. */
export interface Matcher<A extends readonly unknown[] = readonly never[]> {
  readonly name: string;
  mean(...args: A): Meant;
}

/** Defines a matcher; the name is the file's. What is wrong with a call is told in the matcher's words, not in the claim's. */
export function defineMatcher<A extends readonly unknown[]>(matcher: Matcher<A>): Matcher<A> {
  const { name } = matcher;
  const mean = (...args: A): Meant => {
    try {
      return matcher.mean(...args);
    } catch (error) {
      throw error instanceof HarnessError ? inWordsOf(name, error) : error;
    }
  };
  return { name, mean };
}

// `settle` takes nothing that could be wrong, and several claims have an option of that name.
const NAMES = Object.keys(claims)
  .filter((name) => name !== 'settle')
  .join('|');
/** A claim where it names itself: at the start of its message, and where its hint says how it is written. What it was given stays. */
const CLAIM = new RegExp(`^(?:${NAMES})(?=:)`);
const WRITTEN = new RegExp(String.raw`(?<=\bas in )(?:${NAMES})(?=\()`, 'g');

function inWordsOf(name: string, error: HarnessError): HarnessError {
  const told = error.message.replace(`\n  hint: ${error.hint}`, '').replace(CLAIM, name);
  const hint = error.hint.replace(WRITTEN, name);
  return new HarnessError(error.code, told.startsWith(`${name}:`) ? told : `${name}: ${told}`, hint, { cause: error });
}

/**
 * The options of a matcher about an outcome, checked.
 *
 * @param own what the matcher takes besides, for its claim to check
 * @throws HarnessError `invalid-options`: an option that is not known would be a wait that nobody asked for
 */
export function waitOptions<O extends WaitOptions>(options?: O, own: readonly string[] = []): Partial<O> {
  return checkOptions<Partial<O>>(
    options === undefined ? {} : options,
    '',
    [...own, 'within', 'pace', 'lookPast'],
    "{ within: '5s' }",
  );
}

/** Time for what is on its way when a limit is reached, in milliseconds. */
const AFTER_A_LIMIT_MS = 250;

/**
 * What a matcher means whose claim has a limit of its own: it waits a little longer than that, so that it is the claim that decides.
 *
 * @param holdsAtTheEnd it is about all that is seen, so it is watched for no less than is usual
 * @throws HarnessError `invalid-options`, also for a wait that ends before the limit
 */
export function limited(claim: Claim, options?: WaitOptions, holdsAtTheEnd?: boolean): Meant {
  const given = waitOptions(options);
  const { limit } = claim.args as { readonly limit: Millis };
  if (given.within !== undefined && parseDuration(given.within, 'within') < limit)
    throw new HarnessError(
      'invalid-options',
      `within is ${formatDuration(parseDuration(given.within, 'within'))}, less than the limit of ${formatDuration(limit)}, so the wait would end before anything could be decided`,
      'raise within, or leave it out: then the wait is as long as the limit needs',
    );
  const enough = limit + AFTER_A_LIMIT_MS;
  const within = holdsAtTheEnd === true ? Math.max(DEFAULT_WITHIN_MS, enough) : enough;
  return { claim, options: given, own: { limit, within, holdsAtTheEnd } };
}

/**
 * The options of a matcher about stability, checked.
 *
 * @throws HarnessError `invalid-options`, also where `for` is missing
 */
export function stayOptions(options: StayOptions): StayOptions {
  const { for: length } = checkOptions(options, '', ['for', 'pace'], "{ for: '500ms' }");
  if (length === undefined)
    throw new HarnessError('invalid-options', 'expected to be told for how long', "say it as in { for: '500ms' }");
  return options;
}

/** The options of a matcher whose `within` is about what it waits for, checked. */
export function leadOptions<O extends object>(options?: O): Partial<O> {
  return checkOptions<Partial<O>>(options === undefined ? {} : options, '', ['within', 'for', 'pace'], "{ within: '2s' }");
}

/** One subject per answer, and per probe: several matchers on one Response speak of one operation, and share what a probe tells. */
const subjects: WeakMap<object, Subject> = new WeakMap();

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
    const known = subjects.get(received) ?? made(received);
    if (known !== undefined) {
      subjects.set(received, known);
      return known;
    }
  }
  throw new HarnessError(
    'nothing-to-watch',
    `${matcher}: expected an operation, a function, or a Response to follow; received ${show(received)}, which is a value and cannot change any more`,
    `write expect(operation(() => fetch(…))).${matcher}(…), or give the function that looks: expect(() => job.status).${matcher}(…)`,
  );
}

/** A probe by itself, or an operation; undefined of a value. */
function made(received: object): Subject | undefined {
  if (isSource(received)) return subject([received], { name: received.name });
  return isStart(received) ? operation(received as Response | Promise<Response> | StartDescription) : undefined;
}

function isSource(value: object): value is Source {
  const { name, look, open } = value as { name?: unknown; look?: unknown; open?: unknown };
  return typeof name === 'string' && (typeof look === 'function' || typeof open === 'function');
}

/** A promise and a Response may be another library's: `undici`, installed as a package, has a Response of its own. */
function isStart(value: object): boolean {
  const { then, status, headers } = value as { then?: unknown; status?: unknown; headers?: { get?: unknown } | null };
  return typeof then === 'function' || (typeof status === 'number' && typeof headers?.get === 'function') || 'monitor' in value;
}
