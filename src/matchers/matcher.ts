import { HarnessError, nearest, show } from '../errors.ts';
import { operation, type StartDescription } from '../dialects/operation.ts';
import * as claims from '../logic/claims/index.ts';
import type { Claim } from '../logic/index.ts';
import { listed } from '../logic/say.ts';
import { poll } from '../probes/index.ts';
import { parseDuration, type Duration, type PaceOption } from '../time/index.ts';
import { subject, type Source, type Subject } from '../watch/index.ts';

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
const NAMES = Object.keys(claims).filter((name) => name !== 'settle');
/** The claims where they name themselves in their own messages. */
const CLAIMS = new RegExp(String.raw`\b(?:${NAMES.join('|')})(?=[:(])`, 'g');

function inWordsOf(name: string, error: HarnessError): HarnessError {
  const told = error.message.replace(`\n  hint: ${error.hint}`, '').replace(CLAIMS, name);
  const hint = error.hint.replace(CLAIMS, name);
  return new HarnessError(error.code, told.startsWith(`${name}:`) ? told : `${name}: ${told}`, hint, { cause: error });
}

/**
 * The options of a matcher about an outcome, checked.
 *
 * @param own what the matcher takes besides, for its claim to check
 * @throws HarnessError `invalid-options`: an option that is not known would be a wait that nobody asked for
 */
export function waitOptions<O extends WaitOptions>(options?: O, own: readonly string[] = []): Partial<O> {
  const given = checked<Partial<O>>(
    options === undefined ? {} : options,
    [...own, 'within', 'pace', 'lookPast'],
    "{ within: '5s' }",
  );
  if (given.lookPast !== undefined) parseDuration(given.lookPast, 'lookPast');
  return given;
}

/** Time for what is on its way when a limit is reached, in milliseconds. */
const AFTER_A_LIMIT_MS = 250;

/**
 * The options of a matcher whose claim has a limit of its own: it waits a little longer than that, so that it is the claim that decides.
 *
 * @throws HarnessError `invalid-options`
 */
export function limitOptions(limit: Duration, options?: WaitOptions): WaitOptions {
  const given = waitOptions(options);
  return given.within === undefined ? { ...given, within: parseDuration(limit, 'limit') + AFTER_A_LIMIT_MS } : given;
}

/**
 * The options of a matcher about stability, checked.
 *
 * @throws HarnessError `invalid-options`, also where `for` is missing
 */
export function stayOptions(options: StayOptions): StayOptions {
  const { for: length } = checked(options, ['for', 'pace'], "{ for: '500ms' }");
  if (length === undefined)
    throw new HarnessError('invalid-options', 'expected to be told for how long', "say it as in { for: '500ms' }");
  return options;
}

/** The options of a matcher whose `within` is about what it waits for, checked. */
export function leadOptions<O extends object>(options?: O): Partial<O> {
  return checked<Partial<O>>(options === undefined ? {} : options, ['within', 'for', 'pace'], "{ within: '2s' }");
}

/** What the options are called in other libraries. */
const ELSEWHERE: Readonly<Record<string, string>> = { timeout: 'within', interval: 'pace', intervals: 'pace', polling: 'pace' };

function checked<T extends object>(options: T, known: readonly string[], example: string): T {
  // It may come from JavaScript.
  const given: unknown = options;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new HarnessError('invalid-options', `expected options, received ${show(given)}`, `write them as in ${example}`);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const meant = Object.hasOwn(ELSEWHERE, name) ? ELSEWHERE[name] : nearest(name, known);
    throw new HarnessError(
      'invalid-options',
      `there is no option '${name}'`,
      meant !== undefined && known.includes(meant) ? `did you mean '${meant}'?` : `there are ${listed(known)}`,
    );
  }
  const { pace } = given as { pace?: { next?: unknown } | null };
  if (typeof pace === 'object' && typeof pace?.next !== 'function')
    throw new HarnessError(
      'invalid-pace',
      `pace: expected a duration or a pace, received ${show(pace)}`,
      "write it as in { pace: '100ms' } or { pace: backoff() }",
    );
  return options;
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
