import { HarnessError, show } from '../errors.ts';
import type { Claim } from '../logic/index.ts';
import type { OwnLimit } from '../matchers/matcher.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/index.ts';
import { DEFAULT_WITHIN_MS, LAST_LOOK_GRACE_MS } from '../watch/index.ts';
import { moreTime } from './refusals.ts';
import type { Owner } from './owner.ts';

/** By what every wait for an outcome is multiplied, on a machine that is slow: `HOLDFAST_SLOW=3`. */
const SLOW = 'HOLDFAST_SLOW';
const MAX_SLOW = 100;

/**
 * What the environment says of this machine: 1 where it says nothing.
 *
 * @throws HarnessError `invalid-environment` for what is no number from 1 to 100
 */
export function slowness(): number {
  const told = environment(SLOW);
  if (told === undefined) return 1;
  const factor = Number(told);
  if (factor >= 1 && factor <= MAX_SLOW) return factor;
  throw new HarnessError(
    'invalid-environment',
    `${SLOW}: expected a number from 1 to ${MAX_SLOW}, received ${show(told)}`,
    `set it as in ${SLOW}=3, or unset it`,
  );
}

/** What a wait leaves of the test's time, in milliseconds, so that our message comes before the runner's. */
export const MARGIN_MS: Millis = LAST_LOOK_GRACE_MS + 100;

/** The time of a test, as far as its runner tells. */
export interface TestTime {
  /** How long it may still run, in milliseconds; infinite where it has no limit. */
  readonly left: Millis;
  /** How long it may run in all; undefined where that does not matter. */
  readonly limit: Millis | undefined;
  /** How a test is given this much time, in the words of its runner. */
  readonly giveTime: (ms: Millis) => string;
}

/** How long to wait, and what there is to say of it. */
export interface Budget {
  readonly within: Millis;
  readonly notes: readonly string[];
}

/** What is waited for, as far as its length is concerned. */
export interface Wait {
  readonly claim: Claim;
  /** What is called, for the message. */
  readonly label: string;
  /** How long it is to be; undefined where nobody says. */
  readonly wished: Duration | undefined;
  /** A limit that the claim has itself. */
  readonly own?: OwnLimit | undefined;
  /** The test; undefined where there is none, or where it runs by another clock. */
  readonly owner: Owner | undefined;
  readonly giveTime: (ms: Millis) => string;
}

/**
 * The time for a wait, within what its test has left.
 *
 * @throws HarnessError `within-too-long`, `for-too-long`, `limit-too-long` where the test would end first
 */
export function timeOf({ claim, label, wished, own, owner, giveTime }: Wait): Budget {
  const time = timeLeftTo(owner, giveTime);
  const { for: length } = claim.args as { for?: Duration };
  if (claim.fromNow !== true || length === undefined) return budget(wished, label, time, own);
  const within = parseDuration(length, 'for');
  if (within > time.left) throw tooLong(label, 'for', within, time);
  return { within, notes: NO_NOTES };
}

export function timeLeftTo(owner: Owner | undefined, giveTime: TestTime['giveTime']): TestTime {
  const left = owner?.timeLeft() ?? Number.POSITIVE_INFINITY;
  return { left, limit: Number.isFinite(left) ? owner?.timeout : undefined, giveTime };
}

function budget(wished: Duration | undefined, label: string, time: TestTime, own: OwnLimit | undefined): Budget {
  const { left } = time;
  const asked = wished === undefined ? (own?.within ?? DEFAULT_WITHIN_MS) : parseDuration(wished, 'within');
  if (wished !== undefined && asked > left) throw tooLong(label, 'within', asked, time);
  if (wished === undefined && own !== undefined && own.limit > left) throw tooLong(label, 'limit', own.limit, time);
  const most = Math.max(
    0,
    left > 2 * MARGIN_MS ? left - MARGIN_MS : left / 2,
    // The limit must be over before the wait is: only what comes after it is cut.
    own === undefined ? 0 : own.limit + (left - own.limit) / 2,
  );
  const factor = slowness();
  if (factor === 1) return { within: wished === undefined ? Math.min(asked, most) : asked, notes: NO_NOTES };
  const within = Math.max(wished === undefined ? 0 : asked, Math.min(asked * factor, most));
  const cut = within < asked * factor ? `, cut to what the test has left: multiply its timeout too` : '';
  return {
    within: Math.min(within, left),
    notes: [`within is ${formatDuration(within)}: ${formatDuration(asked)} × ${factor} (${SLOW}=${factor})${cut}`],
  };
}

const NO_NOTES: readonly string[] = [];

/** A wait that its test would not see the end of. */
export function tooLong(label: string, setting: string, asked: Millis, { left, limit, giveTime }: TestTime): HarnessError {
  const enough = moreTime(asked + (limit ?? left) - left);
  return new HarnessError(
    `${setting}-too-long`,
    `${label}: ${setting} is ${formatDuration(asked)}, but the test has ${formatDuration(Math.max(0, left))} left${limit === undefined ? '' : ` of its timeout of ${formatDuration(limit)}`}`,
    `give the test more time, as in ${giveTime(enough)}, or shorten ${setting}`,
  );
}

/** How long to look on past the deadline where nobody says, in milliseconds: never more than was waited before. */
const DEFAULT_LOOK_PAST_MS: Millis = 1000;

/** How long to look on past the deadline; not at all in CI, unless it is asked for. */
export function lookPastFor(asked: Duration | undefined, within: Millis, left: Millis): Millis {
  const wished = asked !== undefined ? parseDuration(asked, 'lookPast') : isCI() ? 0 : Math.min(DEFAULT_LOOK_PAST_MS, within);
  return Math.max(0, Math.min(wished, left));
}

function isCI(): boolean {
  const told = environment('CI');
  return told !== undefined && told !== 'false' && told !== '0';
}

/** In a browser there is no environment. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const told = process?.env?.[name];
  return told === '' ? undefined : told;
}
