import type { Millis } from '../time/index.ts';
import type { Observation, Trace } from '../trace/index.ts';
import type { ClaimContext } from './claim.ts';

/** How many observations are held until it is known whose they are; the oldest give way, and are counted. */
export const MAX_HELD_OBSERVATIONS = 1_000;

const NONE: readonly never[] = [];

/**
 * Which observations are of the operation, on channels that may tell of several: one that has keys is held until a `link` ties
 * one of them, since a push may well come before the answer to the start that tells the id.
 */
export class Ties {
  readonly #tied: Set<string>;
  #held: Observation[] = [];
  #dropped = 0;

  constructor(tied: readonly string[]) {
    this.#tied = new Set(tied);
  }

  /** What is to be judged now, in the order in which it was seen. */
  admit(observation: Observation): readonly Observation[] {
    if (observation.kind === 'link') {
      this.#tied.add(observation.operation);
      for (const key of observation.keys) this.#tied.add(key);
      const own = this.#held.filter((held) => this.#isOwn(held));
      if (own.length > 0) this.#held = this.#held.filter((held) => !this.#isOwn(held));
      return [...own, observation];
    }
    if (observation.keys === undefined || this.#isOwn(observation)) return [observation];
    this.#held.push(observation);
    if (this.#held.length > MAX_HELD_OBSERVATIONS) {
      this.#held.shift();
      this.#dropped++;
    }
    return NONE;
  }

  /** What was seen and not judged, for nothing ties it to the operation: how much, and by which keys. */
  get others(): { readonly count: number; readonly keys: readonly string[] } | undefined {
    if (this.#held.length === 0) return undefined;
    const keys = [...new Set(this.#held.flatMap((held) => held.keys ?? NONE))];
    return { count: this.#held.length + this.#dropped, keys: keys.slice(0, 3) };
  }

  #isOwn({ keys }: Observation): boolean {
    return keys?.some((key) => this.#tied.has(key)) ?? false;
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
  const links = observations.slice(0, from).filter((o) => o.kind === 'link');
  return { ...context, tied: links.flatMap(({ operation, keys }) => [operation, ...keys]) };
}
