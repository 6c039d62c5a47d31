import type { Claim, Judgement } from '../logic/index.ts';
import type { Duration, Millis } from '../time/index.ts';
import { lookPastFor, MARGIN_MS } from './budget.ts';
import type { Owner } from './owner.ts';

/** A wait that failed at its deadline, and how long to look on. */
export interface Failed {
  readonly claim: Claim;
  readonly judgement: Judgement;
  /** How long to look on; undefined where nobody says. */
  readonly asked: Duration | undefined;
  readonly within: Millis;
  readonly owner: Owner | undefined;
  /** What passes is what decides against the claim. */
  readonly isNot?: boolean | undefined;
}

/**
 * Whether it would have passed a little later, which tells a slow system from a broken one. It changes no verdict.
 *
 * @param again watches on, for this long
 * @returns undefined where nobody looked
 */
export async function lookPast(
  { claim, judgement, asked, within, owner, isNot = false }: Failed,
  again: (looked: Millis) => Promise<Judgement>,
): Promise<{ readonly looked: Millis; readonly held?: Millis } | undefined> {
  // A claim with a limit of its own is decided by that: later is too late, whatever is seen.
  if (claim.fromNow === true || judgement.reason['closing'] === undefined) return undefined;
  const left = owner?.timeLeft() ?? Number.POSITIVE_INFINITY;
  const looked = lookPastFor(asked, within, left - MARGIN_MS);
  if (looked <= 0) return undefined;
  const later = await again(looked);
  if (later.decidedBy === 'aborted') return undefined;
  const after = Math.max(0, (later.at ?? judgement.at!) - judgement.at!);
  if (passes(later, isNot)) return { looked, held: after };
  // What ended in another way need not be looked at any longer.
  return { looked: later.decidedBy === 'observation' ? Math.min(looked, after) : looked };
}

/** `.not` is judged, not inverted: it passes only when something that was seen decided against the claim. */
export function passes(judgement: Judgement, isNot: boolean): boolean {
  return isNot ? judgement.verdict === 'violated' && judgement.decidedBy === 'observation' : judgement.verdict === 'holds';
}
