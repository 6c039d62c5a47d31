import { isError } from '../errors.ts';
import type { Claim, Closing, Judge, Judgement, Tested } from '../logic/index.ts';
import { contextOf } from '../logic/ties.ts';
import type { Millis } from '../time/duration.ts';
import type { Observation, Trace } from '../trace/index.ts';
import { ownIn } from '../trace/tied.ts';

/** One judging of a claim on a trace that grows. */
export class Verdict {
  /** When judging began, on the trace. */
  readonly since: Millis;
  /** How many observations were taken in. */
  upTo: number;
  readonly #trace: Trace;
  readonly #claim: Claim;
  readonly #judge: Judge;
  readonly #from: number;
  /** A look that failed, and one that told something, were among what was taken in. */
  #sawError = false;
  #sawNews = false;

  /** @param tested what the claim's test says of what is seen, where it tests by itself */
  constructor(trace: Trace, claim: Claim, tested?: ReadonlyMap<number, Tested>) {
    this.#trace = trace;
    this.#claim = claim;
    this.#from = claim.fromNow === true ? trace.observations.length : 0;
    this.upTo = this.#from;
    this.since = trace.now();
    const context = contextOf(trace, this.since, this.#from);
    this.#judge = claim.start(tested === undefined ? context : { ...context, tested });
  }

  /** Takes in what was seen; it may be judged later. */
  saw(observation: Observation): void {
    this.upTo = observation.seq + 1;
    this.note(observation);
  }

  note(observation: Observation): void {
    if (isFailure(observation)) this.#sawError = true;
    else if (isNews(observation)) this.#sawNews = true;
  }

  /** @returns the judgement, if this decides it */
  step(observation: Observation): Judgement | undefined {
    return this.#judge.step(observation) === 'undecided' ? undefined : this.#judge.judgement();
  }

  /** The next moment at which time alone could decide. */
  due(): Millis | undefined {
    return this.#judge.due();
  }

  close(closing: Closing): Judgement {
    return this.#judge.close(closing);
  }

  /** Whether looks failed, and none told anything. */
  allFailed(): boolean {
    // To some claims a look that failed tells as much as any other.
    if (this.#claim.failuresTell === true) return false;
    return this.#isOwn(this.#sawError, isFailure) && !this.#isOwn(this.#sawNews, isNews);
  }

  /** Whether what was seen is of what is watched, or some of it: what a shared channel tells of others counts for nothing. */
  #isOwn(seen: boolean, is: (o: Observation) => boolean): boolean {
    const trace = this.#trace;
    if (!seen || trace.header.scope === undefined) return seen;
    const isOwn = ownIn(trace);
    return trace.observations.slice(this.#from, this.upTo).some((o) => is(o) && isOwn(o));
  }

  /** Notes the judgement in the trace. */
  noted(judgement: Judgement, closing: Closing | undefined, tested?: Readonly<Record<string, Tested>>): void {
    const { name: claim, args } = this.#claim;
    const from = this.#from;
    const { since, upTo } = this;
    if (closing === undefined && tested === undefined) return this.#trace.judged({ claim, args, from, since, upTo, judgement });
    const ended = closing === undefined ? undefined : { closing };
    const said = tested === undefined ? undefined : { tested };
    this.#trace.judged({ claim, args, from, since, upTo, ...ended, ...said, judgement });
  }
}

/** Somebody ended the wait. */
export function abortedBy(signal: AbortSignal | undefined, at: Millis): Closing {
  const reason: unknown = signal?.reason;
  const why = (isError(reason) ? reason.message : typeof reason === 'string' ? reason : '') || 'aborted';
  return { by: 'aborted', at, why };
}

function isFailure({ kind }: Observation): boolean {
  return kind === 'error';
}

function isNews({ kind }: Observation): boolean {
  return kind === 'state' || kind === 'value' || kind === 'message';
}

/** The trace keeps no more. */
export function isFull(observation: Observation | undefined): boolean {
  return observation?.kind === 'end' && observation.reason === 'bound';
}
