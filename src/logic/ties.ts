import type { Millis } from '../time/index.ts';
import type { Observation, Trace } from '../trace/index.ts';
import { linksIn, Tied, TRACE_LINK } from '../trace/tied.ts';
import type { ClaimContext } from './claim.ts';

/** How many observations that name somebody else are held; the oldest give way, and are counted. */
export const MAX_HELD_OBSERVATIONS = 1_000;
/** How many observations of the operation wait until it is known whose the held ones are; with more, judging goes on without. */
export const MAX_WAITING_OBSERVATIONS = 1_000;
/** How often a judging begins anew for what a link ties afterwards; what is tied later still is judged when it is tied. */
export const MAX_BEGINNINGS = 10;

const NONE: readonly never[] = [];

/** What is to be judged now, in the order in which it was seen. */
export interface Admitted {
  readonly observations: readonly Observation[];
  /** It is everything, from the first one on: something among it was seen earlier than what was judged already. */
  readonly anew: boolean;
}

/** What was seen and not judged, for nothing ties it to the operation. Plain JSON. */
export interface Others {
  readonly count: number;
  /** Some of what they name. */
  readonly keys: readonly string[];
  /** How many of them are not held any more, so that a link could not tie them. */
  readonly dropped?: number;
}

/**
 * Which observations are of the operation, on channels that may tell of several: one that names somebody is held until a `link` ties
 * it, since a push may well come before the answer to the start that tells the id.
 *
 * Whatever comes is judged in the order in which it was seen. While something is held and nobody knows yet what the operation is
 * called, what comes after waits with it; what a later link ties begins the judging anew. Both are bounded, so that an observation
 * costs a bounded time.
 */
export class Ties {
  readonly #tied: Tied;
  /** Of the operation, in the order in which it was seen. */
  readonly #own: Observation[] = [];
  /** How many of these were judged. */
  #judged = 0;
  /** Of nobody that is known. */
  #held: Observation[] = [];
  #dropped = 0;
  #beginnings = 0;
  #impatient = false;

  constructor({ tied = NONE, named = tied.length > 0 }: Pick<ClaimContext, 'tied' | 'named'> = {}) {
    this.#tied = new Tied();
    for (const operation of tied) this.#tied.link({ source: named ? '' : TRACE_LINK, operation, keys: NONE });
  }

  admit(observation: Observation): Admitted {
    let anew = false;
    if (observation.kind === 'link') {
      this.#tied.link(observation);
      this.#own.push(observation);
      anew = this.#release();
    } else if (this.#tied.owns(observation)) {
      this.#own.push(observation);
    } else {
      this.#hold(observation);
    }
    if (!this.waits) return { observations: this.rest(), anew };
    if (this.#own.length - this.#judged <= MAX_WAITING_OBSERVATIONS) return { observations: NONE, anew };
    this.#impatient = true;
    return { observations: this.rest(), anew };
  }

  /** Whether what comes is kept until it is known what the operation is called. */
  get waits(): boolean {
    return this.#held.length > 0 && !this.#tied.named && !this.#impatient;
  }

  /** What is of the operation and was not judged yet: nothing more will be known. */
  rest(): readonly Observation[] {
    if (this.#judged === this.#own.length) return NONE;
    const rest = this.#own.slice(this.#judged);
    this.#judged = this.#own.length;
    return rest;
  }

  get others(): Others | undefined {
    if (this.#held.length === 0) return undefined;
    const keys = [...new Set(this.#held.flatMap((held) => held.keys ?? NONE))].slice(0, 3);
    const count = this.#held.length + this.#dropped;
    return this.#dropped === 0 ? { count, keys } : { count, keys, dropped: this.#dropped };
  }

  #hold(observation: Observation): void {
    this.#held.push(observation);
    if (this.#held.length <= MAX_HELD_OBSERVATIONS) return;
    this.#held.shift();
    this.#dropped++;
  }

  /** Puts what is tied now where it was seen. */
  #release(): boolean {
    const found = this.#held.filter((held) => this.#tied.names(held));
    const [first] = found;
    if (first === undefined) return false;
    this.#held = this.#held.filter((held) => !this.#tied.names(held));
    const place = this.#own.findLastIndex(({ seq }) => seq < first.seq) + 1;
    const anew = place < this.#judged && this.#beginnings < MAX_BEGINNINGS;
    const later = this.#own.splice(anew ? place : Math.max(place, this.#judged));
    // One by one: there may be more than a call takes arguments.
    for (const own of [...found, ...later].sort((a, b) => a.seq - b.seq)) this.#own.push(own);
    if (anew) {
      this.#beginnings++;
      this.#judged = 0;
    }
    return anew;
  }
}

/**
 * What a claim is judged against besides the observations, of a trace that is judged from one of them on.
 *
 * @param since when judging begins, in milliseconds since the trace began
 * @param from the sequence number of the first observation that is judged
 */
export function contextOf(
  { header, observations }: Pick<Trace, 'header' | 'observations'>,
  since: Millis,
  from: number,
): ClaimContext {
  const { lifecycle, scope, channels } = header;
  const context = channels === undefined ? { lifecycle, since } : { lifecycle, since, channels };
  if (scope === undefined) return context;
  const { keys, named } = new Tied(linksIn(observations.slice(0, from)));
  return { ...context, tied: keys, named };
}
