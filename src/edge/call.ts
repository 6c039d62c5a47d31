import type { HarnessError } from '../errors.ts';
import { subjectOf, type Matcher, type Meant, type OwnLimit } from '../matchers/matcher.ts';
import { violation } from '../report/index.ts';
import { parseDuration, systemClock, type Clock, type Duration, type VirtualClock } from '../time/index.ts';
import { watch } from '../watch/index.ts';
import { timeOf } from './budget.ts';
import { closeAtTheEnd } from './closing.ts';
import type { Edge, Remarks } from './edge.ts';
import type { Owner } from './owner.ts';
import { lookPast, passes } from './past.ts';
import { testOver } from './refusals.ts';
import { attachTimeline, remarkMargin, tookOf } from './remarks.ts';
import { at, type Site } from './site.ts';
import { Waiting, type Tracked } from './waiting.ts';

/** What runners want a matcher to tell. */
export interface Result {
  readonly pass: boolean;
  readonly message: () => string;
}

/** What a matcher needs to know of a runner. */
export type MatcherEdge = Pick<Edge, 'defaults' | 'giveTime' | 'moveTimers'> & Remarks;

/** One call of a matcher, as the edge of a runner saw it. */
export interface Call {
  readonly received: unknown;
  readonly args: readonly unknown[];
  readonly isNot: boolean;
  /** What was written, for a message: `expect(…).toStay()`. */
  readonly label: string;
  /** The stack at the call. */
  readonly site: Site;
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
  readonly edge: MatcherEdge;
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
  const { owner, label, site, isNot, edge } = made;
  if (owner?.over === true) throw at(testOver(label, owner), site);
  const waiting = new Waiting<Result>(label, site, made.asks ?? 0, made.soft === true, owner);
  let close: (() => Promise<void>) | undefined;
  const judged = async (): Promise<Result> => {
    if (made.refusal !== undefined) throw made.refusal;
    const meant = (matcher.mean as (...given: unknown[]) => Meant)(...made.args);
    const subject = subjectOf(made.received, matcher.name);
    close = closeAtTheEnd(subject, owner);
    const { claim, own, options } = meant;
    const isOutcome = claim.fromNow !== true;
    const defaults = isOutcome ? edge.defaults(owner) : undefined;
    const wished = options.within ?? usual(defaults?.within, own);
    const { within, notes } = timeOf({
      ...{ claim, label: matcher.name, wished, own, giveTime: edge.giveTime },
      owner: subject.clock === systemClock ? owner : undefined,
    });
    const start = systemClock.now();
    const how = {
      pace: options.pace ?? defaults?.pace,
      signal: waiting.signal,
      beforeLook: subject.clock === systemClock ? edge.moveTimers : undefined,
    };
    const judgement = await watch(subject, claim, { ...how, within });
    if (passes(judgement, isNot)) {
      if (isOutcome && subject.clock === systemClock)
        await remarkMargin(edge, owner, label, tookOf(judgement, systemClock.now() - start), within);
      return { pass: !isNot, message: () => '' };
    }
    const asked = options.lookPast ?? defaults?.lookPast;
    // Of another clock nobody knows whether it goes on by itself. And nothing is put between the end of the test and what is told of it.
    const past =
      judgement.decidedBy !== 'deadline' || (subject.clock !== systemClock && asked === undefined)
        ? undefined
        : await lookPast({ claim, judgement, asked, within, owner, isNot }, (looked) =>
            watch(subject, claim, { ...how, within: looked, unrecorded: true }),
          );
    const error = violation({
      ...{ claim, judgement, subject, negated: isNot, past, notes },
      // Of a wait that the claim's own limit gives its length, the limit is told, and no within that nobody wrote.
      within: own !== undefined && wished === undefined ? undefined : within,
    });
    if (made.prefix !== undefined && made.prefix !== '') error.message = `${made.prefix}: ${error.message}`;
    const told = attachTimeline(edge, owner, label, { trace: error.trace, judgement, name: subject.name });
    // A test whose time is up waits for nothing more.
    if (told !== undefined && judgement.decidedBy !== 'aborted') await outsideOf(subject.clock, told);
    throw error;
  };
  const promise = judged();
  return waiting.track(close === undefined ? promise : closing(promise, close));
}

async function closing<T>(promise: Promise<T>, close: () => Promise<void>): Promise<T> {
  try {
    return await promise;
  } finally {
    await close();
  }
}

/** The suite's default, of a claim that has a limit of its own only where it leaves it room. */
function usual(within: Duration | undefined, own: OwnLimit | undefined): Duration | undefined {
  if (within === undefined || own === undefined) return within;
  return own.holdsAtTheEnd === true && parseDuration(within, 'within') > own.limit ? within : undefined;
}

/** What a runner does takes real time: a clock that jumps must not take it for a standstill. */
function outsideOf(clock: Clock & Partial<Pick<VirtualClock, 'hold'>>, work: Promise<void>): Promise<void> {
  return clock.hold === undefined ? work : clock.hold(work);
}
