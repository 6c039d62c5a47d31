import type { Millis } from '../time/index.ts';
import type { Observation } from '../trace/index.ts';
import type { Claim, ClaimContext, Closing, Judge, Judgement, Reason, ReasonWords, Tested, Verdict } from './claim.ts';
import { checkMembers } from './arguments.ts';
import { Looks } from './looks.ts';
import { micros } from './micros.ts';
import { Ties, type Others } from './ties.ts';

/** How many looks a claim of stability needs before it can hold. */
export const MIN_STABILITY_LOOKS = 3;

/** A verdict with its grounds. */
export interface Decision {
  readonly verdict: Exclude<Verdict, 'undecided'>;
  readonly reason: Reason;
  readonly evidence: readonly Observation[];
}

/** How things stand while nothing is decided. */
export interface Standing {
  readonly reason: Reason;
  readonly evidence: readonly Observation[];
}

/** The part of judging that differs from claim to claim. */
export interface Course {
  /** The decision this observation brings, if any. */
  step(observation: Observation): Decision | undefined;
  /** Why it is not decided yet. */
  standing(): Standing;
  /** What the end of the observations decides: `undefined` where the end alone tells nothing. */
  atEnd(closing: Closing): Decision | undefined;
  /** The next moment at which time alone could decide. */
  due?(): Millis | undefined;
  /** Whether a bound of ours ended it before anything decided. */
  bounded?(): boolean;
}

/** What a claim is made of; see {@link defineClaim}. */
export interface ClaimDefinition<A> {
  /** The file's name. */
  readonly name: string;
  says(args: A): string;
  /** The names of its arguments, where `check` does not know them: another one is refused, as what is misspelt would be claimed by nobody. */
  readonly members?: readonly string[];
  /** That neither it nor its contrary was seen, as a message with `.not` says it: `it did not end, and only an end could tell`. */
  readonly neither?: string;
  /** Refuses bad arguments and puts them in their plain form. */
  check?(args: A): A;
  /** About what happens from now on. Such a claim holds at the end of its own time, given enough looks. */
  readonly fromNow?: boolean;
  /** About what is told unasked, as a message is: the silence of a source that listens counts. */
  readonly hears?: boolean;
  /** A look that failed tells something about this claim. */
  readonly failuresTell?: boolean;
  /** Which of what a trace may have dropped it reads, besides what its arguments name: `data`. */
  readonly reads?: readonly string[];
  start(args: A, context: ClaimContext): Course;
  /** Tests a value as it is; undefined where nothing is left to test with, as in a recording. */
  tester?(args: A): ((value: unknown) => Tested | PromiseLike<Tested>) | undefined;
  /** The arguments as a recording keeps them, where they are more than plain JSON. */
  record?(args: A): unknown;
  /** The words for reasons that only this claim gives; undefined for those in `reasons.ts`. */
  tell?(judgement: Judgement, args: A): ReasonWords | undefined;
  /** Arguments for the laws that every claim is put through. */
  readonly samples: readonly A[];
}

/** Makes a claim of its arguments. */
export interface ClaimFactory<A> {
  (...args: undefined extends A ? [args?: A] : [args: A]): Claim;
  readonly definition: ClaimDefinition<A>;
}

/** Defines a claim: one file, one name, one export. */
export function defineClaim<A = undefined>(definition: ClaimDefinition<A>): ClaimFactory<A> {
  const { name, members } = definition;
  const make = (given?: A): Claim => {
    // What is no object at all is refused in the words of each.
    if (members !== undefined && typeof given === 'object' && given !== null && !Array.isArray(given))
      checkMembers(name, given, members);
    const args = definition.check === undefined ? (given as A) : definition.check(given as A);
    const test = definition.tester?.(args);
    return {
      name: definition.name,
      args: (definition.record === undefined ? args : definition.record(args)) ?? {},
      says: definition.says(args),
      ...(definition.fromNow === true ? { fromNow: true } : {}),
      ...(definition.hears === true ? { hears: true } : {}),
      ...(test === undefined ? {} : { test }),
      ...(definition.failuresTell === true ? { failuresTell: true } : {}),
      ...(definition.neither === undefined ? {} : { neither: definition.neither }),
      ...(definition.tell === undefined ? {} : { tell: (judgement: Judgement) => definition.tell?.(judgement, args) }),
      start: (context) =>
        new Judging(
          () => definition.start(args, context),
          definition,
          args,
          context.tied === undefined ? undefined : new Ties(context),
        ),
    };
  };
  return Object.assign(make, { definition });
}

/** What all claims share: a verdict stands once reached, coverage is counted, and closing follows one set of rules. */
class Judging implements Judge {
  readonly #begin: () => Course;
  #course: Course;
  readonly #stability: boolean;
  /** Of a claim of stability: which looks failed, unless those tell something. */
  #tries: Looks | undefined;
  readonly #failuresTell: boolean;
  readonly #hears: boolean;
  #looks = 0;
  #largestGap: Millis = 0;
  #lastLook: Millis | undefined;
  #final: Judgement | undefined;
  /** Where the channels may tell of other operations too. */
  readonly #ties: Ties | undefined;
  readonly #args: unknown;
  readonly #reads: readonly string[] | undefined;

  constructor(
    begin: () => Course,
    { fromNow, hears, failuresTell, reads }: Pick<ClaimDefinition<never>, 'fromNow' | 'hears' | 'failuresTell' | 'reads'>,
    args: unknown,
    ties: Ties | undefined,
  ) {
    this.#begin = begin;
    this.#course = begin();
    this.#stability = fromNow === true;
    this.#failuresTell = failuresTell === true;
    this.#tries = this.#newTries();
    this.#hears = hears === true;
    this.#ties = ties;
    this.#args = args;
    this.#reads = reads;
  }

  step(observation: Observation): Verdict {
    if (this.#final !== undefined) return this.#final.verdict;
    if (this.#ties === undefined) return this.#step(observation, observation.at);
    const { observations, anew } = this.#ties.admit(observation);
    if (anew) this.#restart();
    return this.#take(observations, observation.at);
  }

  #take(observations: readonly Observation[], now: Millis): Verdict {
    for (const own of observations) {
      const verdict = this.#step(own, now);
      if (verdict !== 'undecided') return verdict;
    }
    return 'undecided';
  }

  #restart(): void {
    this.#course = this.#begin();
    this.#looks = 0;
    this.#largestGap = 0;
    this.#lastLook = undefined;
    this.#tries = this.#newTries();
  }

  #newTries(): Looks | undefined {
    return this.#stability && !this.#failuresTell ? new Looks() : undefined;
  }

  /** @param now when it is judged: one that was held is judged when it is known whose it is */
  #step(observation: Observation, now: Millis): Verdict {
    this.#cover(observation);
    if ('truncated' in observation && this.#isLost(observation)) {
      const standing = this.#standing();
      const reason = { ...standing.reason, dropped: observation.kind };
      const coverage = this.#coverage();
      this.#final = { verdict: 'undecided', decidedBy: 'bound', reason, evidence: standing.evidence, at: now, coverage };
      return 'undecided';
    }
    const decision = this.#course.step(observation);
    if (decision === undefined) return 'undecided';
    // A tick carries nothing but time: what it decides, the deadline decided.
    const decidedBy = observation.kind === 'tick' ? 'deadline' : 'observation';
    const { verdict, reason, evidence } = decision;
    this.#final = { verdict, reason, evidence, decidedBy, at: now, coverage: this.#coverage() };
    return verdict;
  }

  close(closing: Closing): Judgement {
    // What waited to be told apart waits no longer.
    if (this.#final === undefined && this.#ties !== undefined) this.#take(this.#ties.rest(), closing.at);
    this.#final ??= this.#closed(closing);
    return this.#final;
  }

  judgement(): Judgement {
    return (
      this.#final ?? {
        verdict: 'undecided',
        decidedBy: 'nothing',
        ...this.#standing(),
        at: undefined,
        coverage: this.#coverage(),
      }
    );
  }

  due(): Millis | undefined {
    // While something waits to be told apart, time decides nothing: it may decide otherwise.
    return this.#final === undefined && this.#ties?.waits !== true ? this.#course.due?.() : undefined;
  }

  #closed(closing: Closing): Judgement {
    const coverage = this.#coverage();
    const undecided = (decidedBy: Judgement['decidedBy'], standing: Standing): Judgement => ({
      verdict: 'undecided',
      decidedBy,
      ...standing,
      at: closing.at,
      coverage,
    });
    if (closing.by !== 'deadline' && closing.by !== 'end') {
      const standing = this.#standing();
      const { by: _by, at: _at, ...details } = closing;
      return undecided(closing.by, { ...standing, reason: { ...standing.reason, closing: details } });
    }
    const { by: _by, at: _at, ...details } = closing;
    const heard = this.#hears && (closing.listening ?? 0) > 0;
    // Exchanges and calls are no looks, yet they may be all that a claim is about.
    if (this.#looks === 0 && !heard && this.#standing().evidence.length === 0)
      return undecided('nothing', { reason: { code: 'nothing-seen', ...this.#others(), closing: details }, evidence: [] });
    if (this.#stability && this.#looks < MIN_STABILITY_LOOKS && !heard) {
      return undecided('nothing', {
        reason: {
          code: 'too-few-looks',
          looks: this.#looks,
          needed: MIN_STABILITY_LOOKS,
          ...this.#others(),
          closing: details,
        },
        evidence: this.#standing().evidence,
      });
    }
    const tries = this.#tries;
    // Looks that failed are none that found it so, and how it stands after the last that came back nobody knows.
    if (tries !== undefined && !heard && (this.#looks - tries.failed < MIN_STABILITY_LOOKS || tries.blind)) {
      const { failed } = tries;
      return undecided('nothing', {
        reason: {
          code: 'looks-failed',
          failed,
          looks: this.#looks,
          needed: MIN_STABILITY_LOOKS,
          last: tries.blind,
          ...this.#others(),
          closing: details,
        },
        evidence: this.#standing().evidence,
      });
    }
    const decision = this.#course.atEnd(closing);
    if (decision === undefined) {
      const standing = this.#standing();
      const decidedBy = this.#course.bounded?.() === true ? 'bound' : 'nothing';
      return undecided(decidedBy, { ...standing, reason: { ...standing.reason, closing: details } });
    }
    // At the end of everything that can be seen it is what was seen that decides; before, it is the clock.
    const decidedBy = closing.by === 'end' && !this.#stability ? 'observation' : 'deadline';
    const reason = { ...decision.reason, ...this.#others(), closing: details };
    return { ...decision, reason, decidedBy, at: closing.at, coverage };
  }

  #standing(): Standing {
    const standing = this.#course.standing();
    return this.#ties?.others === undefined ? standing : { ...standing, reason: { ...standing.reason, ...this.#others() } };
  }

  /** What was seen and left out tells why nothing was decided. */
  #others(): { readonly others?: Others } {
    const others = this.#ties?.others;
    return others === undefined ? {} : { others };
  }

  #cover(observation: Observation): void {
    this.#tries?.saw(observation);
    switch (observation.kind) {
      case 'tick': {
        if (observation.looks === undefined) return;
        this.#looks += observation.looks;
        if ((observation.largestGap ?? 0) > this.#largestGap) this.#largestGap = observation.largestGap!;
        this.#lastLook = observation.last ?? observation.at;
        return;
      }
      case 'state':
      case 'value':
      case 'error':
      case 'message': {
        this.#looks++;
        const gap = this.#lastLook === undefined ? 0 : observation.at - this.#lastLook;
        if (gap > this.#largestGap) this.#largestGap = gap;
        this.#lastLook = observation.at;
        return;
      }
      default:
    }
  }

  /** What it asks for is among what the trace dropped: whatever it said of this, it would not know. */
  #isLost(o: Observation): boolean {
    const lost = lostOf(o);
    if (lost.length === 0) return false;
    const asked = written(this.#args);
    return lost.some((field) => this.#reads?.includes(field) === true || new RegExp(`"${field}[".]`).test(asked));
  }

  #coverage(): Judgement['coverage'] {
    return { looks: this.#looks, largestGap: micros(this.#largestGap) };
  }
}

/** Arguments as JSON, as far as it can write them: they may be a function, or go round in a circle. */
function written(args: unknown): string {
  try {
    return JSON.stringify(args) ?? '';
  } catch {
    return '';
  }
}

/** The fields that are not there, and may have been dropped by a trace that keeps no more. */
function lostOf(o: Observation): readonly string[] {
  if (!('truncated' in o) || o.truncated !== true) return [];
  switch (o.kind) {
    case 'message':
      return o.data === undefined && o.raw === undefined ? ['data', 'raw'] : [];
    case 'state':
      return ['raw', 'partial'].filter((field) => !Object.hasOwn(o, field));
    case 'call':
      return ['input'];
    case 'return':
      return ['output'];
    default:
      return [];
  }
}

/**
 * Judges a finished recording: steps through the observations, then closes.
 *
 * @param observations what was seen, in order
 * @param closing why there are no more; by default the end of what can be seen, or the bound where the trace was full
 *
 * @example
 * ```ts
 * import { judge, succeed } from 'holdfast/logic';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('poll', { kind: 'state', state: 'failed', ending: 'failure' });
 * judge(succeed(), trace.observations).verdict; // => 'violated'
 * ```
 */
export function judge(
  claim: Claim,
  observations: readonly Observation[],
  options: { context?: ClaimContext; closing?: Closing | undefined } = {},
): Judgement {
  const running = claim.start(options.context ?? { since: 0 });
  for (const observation of observations) if (running.step(observation) !== 'undecided') return running.judgement();
  const last = observations.at(-1);
  // What a full trace did not keep, nobody knows.
  const full = last?.kind === 'end' && last.reason === 'bound';
  return running.close(options.closing ?? { by: full ? 'bound' : 'end', at: last?.at ?? 0 });
}
