import type { Entry } from '../fault.ts';
import type { Plan } from '../plan.ts';

/** What of a plan another engine cannot do, or does otherwise. */
export interface Lost {
  /** The entry's id; of the plan as a whole, nothing. */
  readonly entry: string | undefined;
  readonly why: string;
}

/** A plan in the words of another engine. */
export interface Exported<D> {
  readonly document: D;
  /** What is lost on the way; empty only where nothing is. */
  readonly lost: readonly Lost[];
}

/** What no other engine has: told of each entry that has it. */
export function lostTiming({ id, when }: Entry, also: { readonly probability: boolean }): Lost[] {
  const lost: Lost[] = [];
  const add = (why: string): void => void lost.push({ entry: id, why });
  if (when.nth !== undefined) add(`it strikes all that pass, and not ${when.nth.map((n) => `number ${n}`).join(', ')} alone`);
  if (when.every !== undefined) add(`it strikes all that pass, and not every ${when.every} alone`);
  if (when.times !== undefined) add(`it does not end after ${when.times} times`);
  if (when.probability !== undefined && !also.probability) add('it strikes all that pass: there is no probability');
  if (when.from !== undefined) add(`it begins at once, and not after ${when.from} ms`);
  if (when.until !== undefined) add(`it does not end by itself after ${when.until} ms`);
  return lost;
}

/** What is lost of every plan. */
export function lostOfAll({ seed, until }: Plan): Lost[] {
  const lost: Lost[] = [{ entry: undefined, why: `the seed ${seed}: what is drawn by chance is drawn anew, and not replayed` }];
  if (until !== undefined) lost.push({ entry: undefined, why: `it does not end healed after ${until} ms: take it away by hand` });
  return lost;
}
