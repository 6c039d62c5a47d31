import type { Claim, Closing, Judgement } from '../logic/index.ts';
import { broughtNews, Context, isThenable, orphan, takeLook, type FirstLook } from './look.ts';
import type { WatchOptions } from './options.ts';
import { isPull, type Looked, type Pull } from './source.ts';
import type { Subject } from './subject.ts';
import { abortedBy, Verdict } from './verdict.ts';
import { Watched } from './watched.ts';

/** A first look that was not enough, for who goes on to wait. */
export interface Begun extends FirstLook {
  readonly verdict: Verdict;
}

/**
 * The first look at a subject that nobody has watched, taken and judged before anything else is set up: most waits are for what is
 * so already, and need no deadline, no pace and nobody to share looks with. What it does not decide is waited for as ever.
 *
 * @returns the judgement, if it was enough; undefined where the first look is to be taken like any other
 */
export function firstLook(
  subject: Subject,
  claim: Claim,
  { signal, beforeLook, unrecorded }: WatchOptions,
): Judgement | Begun | undefined {
  if (unrecorded === true) return undefined;
  const { sources } = subject;
  const source = sources[0]!;
  if (sources.length > 1 || !isPull(source) || claim.fromNow === true || claim.test !== undefined) return undefined;
  if (subject.trace.observations.length > 0 || signal?.aborted === true || Watched.has(subject)) return undefined;
  return glance(subject, source, claim, signal, beforeLook);
}

/** Owns a look that has nobody yet who waits for it: what it brings is let go of here, once it is of no use. */
function glance(
  subject: Subject,
  source: Pull,
  claim: Claim,
  signal: AbortSignal | undefined,
  beforeLook: WatchOptions['beforeLook'],
): Judgement | Begun {
  const { clock, trace } = subject;
  const start = clock.now();
  const verdict = new Verdict(trace, claim);
  const context = new Context(subject, source);
  beforeLook?.(0);
  let looked: Looked | PromiseLike<Looked> | undefined;
  let judgement: Judgement | undefined;
  let recorded = false;
  try {
    looked = takeLook(source, context);
    // What it told before it came back may have been enough, and then nobody is told the rest.
    judgement = judged(verdict, subject, context, signal);
    if (judgement === undefined && !isThenable(looked) && broughtNews(looked)) {
      recorded = true;
      for (let i = 0; i < looked.events.length; i++) {
        trace.record(source.name, looked.events[i]!);
        judgement ??= judged(verdict, subject, context, signal);
      }
    }
  } catch (error) {
    context.abort();
    orphan(looked);
    throw error;
  }
  if (judgement === undefined && !Watched.has(subject)) return { start, context, looked, recorded, verdict };
  orphan(looked);
  // Somebody else began to watch it while it looked, and has looked at it since: that is the latest look.
  return judgement ?? { start, context, looked: undefined, recorded, verdict };
}

/** Takes in what has come since, until it is enough. */
function judged(verdict: Verdict, subject: Subject, context: Context, signal: AbortSignal | undefined): Judgement | undefined {
  const { observations } = subject.trace;
  let judgement: Judgement | undefined;
  let closing: Closing | undefined;
  // Whoever follows the trace may have ended the wait.
  while (judgement === undefined && verdict.upTo < observations.length && signal?.aborted !== true) {
    const observation = observations[verdict.upTo]!;
    verdict.saw(observation);
    judgement = verdict.step(observation);
  }
  if (judgement === undefined && (signal?.aborted === true || Watched.closed(subject))) {
    const at = subject.trace.now();
    closing = signal?.aborted === true ? abortedBy(signal, at) : { by: 'aborted', at, why: 'closed' };
    judgement = verdict.close(closing);
  }
  if (judgement === undefined) return undefined;
  context.abort();
  verdict.noted(judgement, closing);
  return judgement;
}
