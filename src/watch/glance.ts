import type { Claim, Closing, Judgement } from '../logic/index.ts';
import type { Millis } from '../time/index.ts';
import { broughtNews, Context, isThenable, orphan, takeLook, type FirstLook } from './look.ts';
import type { WatchOptions } from './options.ts';
import { isPull, type Looked, type Pull } from './source.ts';
import type { Subject } from './subject.ts';
import { abortedBy, Verdict } from './verdict.ts';
import { Watched } from './watched.ts';

/**
 * The first look at a subject that nobody has watched, taken and judged before anything else is set up: most waits are for what is
 * so already, and need no deadline, no pace and nobody to share looks with. What it does not decide is waited for as ever.
 *
 * @returns undefined where the first look is to be taken like any other
 */
export function glance(subject: Subject, claim: Claim, { signal, beforeLook, unrecorded }: WatchOptions): Glance | undefined {
  if (unrecorded === true) return undefined;
  const { sources } = subject;
  const source = sources[0]!;
  if (sources.length > 1 || !isPull(source) || claim.fromNow === true || claim.test !== undefined) return undefined;
  if (subject.trace.observations.length > 0 || signal?.aborted === true || Watched.has(subject)) return undefined;
  const glance = new Glance(subject, source, claim, signal);
  beforeLook?.(0);
  glance.take(source);
  return glance;
}

/** A look that has nobody yet who waits: what it brings is let go of here, once it is of no use. */
export class Glance implements FirstLook {
  readonly start: Millis;
  readonly verdict: Verdict;
  readonly context: Context;
  looked: Looked | PromiseLike<Looked> | undefined;
  recorded = false;
  /** It was enough. */
  judgement: Judgement | undefined;
  readonly #subject: Subject;
  readonly #signal: AbortSignal | undefined;

  constructor(subject: Subject, source: Pull, claim: Claim, signal: AbortSignal | undefined) {
    this.#subject = subject;
    this.#signal = signal;
    this.start = subject.clock.now();
    this.verdict = new Verdict(subject.trace, claim);
    this.context = new Context(subject, source);
  }

  take(source: Pull): void {
    try {
      this.#take(source);
    } catch (error) {
      this.context.abort();
      this.#drop();
      throw error;
    }
    // Somebody else began to watch it while it looked, and has looked at it since: that is the latest look.
    if (this.judgement !== undefined || Watched.has(this.#subject)) this.#drop();
  }

  #take(source: Pull): void {
    const looked = takeLook(source, this.context);
    this.looked = looked;
    // What it told before it came back may have been enough, and then nobody is told the rest.
    this.#judge();
    if (this.judgement !== undefined || isThenable(looked) || !broughtNews(looked)) return;
    this.recorded = true;
    for (let i = 0; i < looked.events.length; i++) {
      this.#subject.trace.record(source.name, looked.events[i]!);
      if (this.judgement === undefined) this.#judge();
    }
  }

  #drop(): void {
    orphan(this.looked);
    this.looked = undefined;
  }

  /** Takes in what has come since, until it is enough. */
  #judge(): void {
    const { observations } = this.#subject.trace;
    // Whoever follows the trace may have ended the wait.
    while (this.verdict.upTo < observations.length && this.#signal?.aborted !== true) {
      const observation = observations[this.verdict.upTo]!;
      this.verdict.saw(observation);
      const judgement = this.verdict.step(observation);
      if (judgement !== undefined) return this.#settle(judgement, undefined);
    }
    if (this.#signal?.aborted !== true && !Watched.closed(this.#subject)) return;
    const at = this.#subject.trace.now();
    const closing: Closing = this.#signal?.aborted === true ? abortedBy(this.#signal, at) : { by: 'aborted', at, why: 'closed' };
    this.#settle(this.verdict.close(closing), closing);
  }

  #settle(judgement: Judgement, closing: Closing | undefined): void {
    this.context.abort();
    this.judgement = judgement;
    this.verdict.noted(judgement, closing);
  }
}
