import { HarnessError, type ContractViolation } from '../errors.ts';
import type { Judgement } from '../logic/index.ts';
import { subjectOf, type Matcher, type Meant } from '../matchers/matcher.ts';
import { violation } from '../report/index.ts';
import { formatDuration, parseDuration, systemClock, type Millis } from '../time/index.ts';
import type { Trace } from '../trace/index.ts';
import { DEFAULT_WITHIN_MS, LAST_LOOK_GRACE_MS, watch, type Subject } from '../watch/index.ts';
import { moreTime, testOver } from './refusals.ts';
import { at } from './site.ts';
import { Waiting, type Owner, type Tracked } from './waiting.ts';

/** What a default wait leaves of the test's time, in milliseconds, so that our message comes before the runner's. */
const MARGIN_MS: Millis = LAST_LOOK_GRACE_MS + 100;

/** What runners want a matcher to tell. */
export interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

/** One call of a matcher, as the edge of a runner saw it. */
export interface Call {
  readonly received: unknown;
  readonly args: readonly unknown[];
  readonly isNot: boolean;
  /** What was written, for a message: `expect(…).toStay()`. */
  readonly label: string;
  /** The stack at the call, as text without its first line. */
  readonly site: string;
  /** The test that made it; undefined in a hook of a whole suite, and where nobody knows. */
  readonly owner: Owner | undefined;
  /** The runner keeps a failure by itself: `expect.soft`. */
  readonly soft?: boolean | undefined;
  /** How often the runner asks for the outcome by itself, of what it got from `then`; by default not once. With -1 the user need not. */
  readonly asks?: number | undefined;
  /** Why this call cannot work, told to whoever awaits it. */
  readonly refusal?: HarnessError | undefined;
  /** What the user wants said before the message. */
  readonly prefix?: string | undefined;
  /** Moves the runner's fake timers on, by as much as real time went by since the last look. */
  readonly moveTimers?: ((sinceLast: Millis) => void) | undefined;
  /** How a test is given this much time, in milliseconds, in the words of this runner. */
  readonly giveTime: (ms: Millis) => string;
  /** Told of a failure before it is thrown. */
  readonly onViolation?: ((violation: ContractViolation<Judgement, Trace>) => Promise<void>) | undefined;
}

/**
 * Judges one call of a matcher, and ties it to the test that made it.
 *
 * What comes back is a thenable of our own, because no runner notices a custom matcher that nobody awaits, nor points at the
 * call of one that fails later.
 *
 * @throws HarnessError `test-over`: nobody would be told of its outcome
 */
export function call(matcher: Matcher, made: Call): Tracked<Result> {
  const { owner, label, site, isNot } = made;
  if (owner?.over === true) throw at(testOver(label, owner), site);
  const waiting = new Waiting<Result>(label, site, made.asks ?? 0, made.soft === true);
  const promise = (async (): Promise<Result> => {
    if (made.refusal !== undefined) throw made.refusal;
    const meant = (matcher.mean as (...given: unknown[]) => Meant)(...made.args);
    const subject = subjectOf(made.received, matcher.name);
    const within = timeFor(matcher.name, meant, subject, made);
    const judgement = await watch(subject, meant.claim, {
      pace: meant.options.pace,
      within,
      signal: waiting.signal,
      ...(made.moveTimers !== undefined && subject.clock === systemClock ? { beforeLook: made.moveTimers } : {}),
    });
    if (passes(judgement, isNot)) return { pass: !isNot, message: () => '' };
    const error = violation({ claim: meant.claim, judgement, subject, negated: isNot, within });
    if (made.prefix !== undefined && made.prefix !== '') error.message = `${made.prefix}: ${error.message}`;
    if (made.onViolation !== undefined) await made.onViolation(error);
    throw error;
  })();
  return waiting.track(promise, owner);
}

/** `.not` is judged, not inverted: it passes only when something that was seen decided against the claim. */
function passes(judgement: Judgement, isNot: boolean): boolean {
  return isNot ? judgement.verdict === 'violated' && judgement.decidedBy === 'observation' : judgement.verdict === 'holds';
}

/** How long this call may wait, refused at once where the test would end before. */
function timeFor(name: string, { claim, options }: Meant, subject: Subject, { owner, giveTime }: Call): Millis {
  const left = subject.clock === systemClock ? (owner?.timeLeft() ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const [setting, wished] =
    claim.fromNow === true
      ? (['for', ownLength(claim.args)] as const)
      : (['within', options.within === undefined ? undefined : parseDuration(options.within, 'within')] as const);
  if (wished === undefined) return Math.max(0, Math.min(DEFAULT_WITHIN_MS, left > 2 * MARGIN_MS ? left - MARGIN_MS : left / 2));
  if (wished > left) {
    const limit = owner!.timeout;
    throw new HarnessError(
      `${setting}-too-long`,
      `${name}: ${setting} is ${formatDuration(wished)}, but the test has ${formatDuration(Math.max(0, left))} left of its timeout of ${formatDuration(limit)}`,
      `give the test more time, as in ${giveTime(moreTime(wished + limit - left))}, or shorten ${setting}`,
    );
  }
  return wished;
}

function ownLength(args: unknown): Millis | undefined {
  const { for: length } = args as { for?: Parameters<typeof parseDuration>[0] };
  return length === undefined ? undefined : parseDuration(length, 'for');
}
