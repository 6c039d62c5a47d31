import type { Entry } from './fault.ts';
import { definitionOf, type Plan } from './plan.ts';
import { pinned, type Strike } from './run.ts';

/** How many runs shrinking takes at most, unless told otherwise. */
export const MAX_RUNS = 500;
/** How often the smallest is run again, to know whether it always fails. */
export const CONFIRMATIONS = 5;

/** What came of one run. */
export interface Outcome {
  /** The claim was broken. */
  readonly fails: boolean;
  /** What struck, as the run has it. */
  readonly strikes: readonly Strike[];
}

export interface Shrunk {
  /** The smallest that was found. */
  readonly plan: Plan;
  /** How many runs it took in all. */
  readonly runs: number;
  /** Of how many runs of the smallest how many failed. */
  readonly failed: number;
  readonly of: number;
  /** Whether it failed in each of them. */
  readonly isSure: boolean;
  /** Why a smaller one was not looked for any more, if it was not. */
  readonly gaveUp?: 'runs' | 'time' | 'over';
}

/**
 * Finds a smallest plan that still fails: what struck is pinned to whom it struck, then taken away piece by piece (the delta
 * debugging of Zeller and Hildebrandt, 2002), then made milder.
 *
 * @param run runs a plan in a world of its own; asked for one at a time
 * @param options.runs how many runs it may take
 * @param options.isLate asked before each run: whether it has looked for long enough; the smallest is still run again
 * @param options.isOver asked before each run: whether nothing is to be run any more
 * @returns undefined where the plan does not fail in its first run
 */
export async function shrink(
  plan: Plan,
  run: (plan: Plan) => Promise<Outcome>,
  options: {
    readonly runs?: number;
    readonly confirm?: number;
    readonly isLate?: () => boolean;
    readonly isOver?: () => boolean;
  } = {},
): Promise<Shrunk | undefined> {
  const { runs: most = MAX_RUNS, confirm = CONFIRMATIONS, isLate = () => false, isOver = () => false } = options;
  let runs = 0;
  const known = new Map<string, boolean>();
  let spent: Shrunk['gaveUp'];
  const isSpent = (): boolean => {
    spent ??= isOver() ? 'over' : runs >= most ? 'runs' : isLate() ? 'time' : undefined;
    return spent !== undefined;
  };
  const fails = async (candidate: Plan): Promise<boolean> => {
    const key = JSON.stringify(candidate.entries);
    const seen = known.get(key);
    if (seen !== undefined) return seen;
    if (isSpent()) return false;
    runs++;
    const { fails: does } = await run(candidate);
    known.set(key, does);
    return does;
  };

  runs++;
  const first = await run(plan);
  if (!first.fails) return undefined;
  const exact = pinned({ plan, strikes: first.strikes });
  // Where the run does not do the same again, what is whole is looked at instead.
  let smallest = (await fails(exact)) ? exact : plan;
  smallest = { ...smallest, entries: await fewest(smallest, fails) };
  smallest = await mildest(smallest, fails);

  // Asked once more, as the last run may have been the one too many.
  isSpent();
  const gaveUp = spent;
  let [failed, of] = [0, 0];
  while (of < confirm && !isOver()) {
    const { fails: does } = await run(smallest);
    runs++;
    // One that was broken off tells nothing.
    if (isOver()) break;
    of++;
    if (does) failed++;
  }
  return {
    plan: smallest,
    runs,
    failed,
    of,
    isSure: of > 0 && failed === of,
    ...(gaveUp === undefined ? {} : { gaveUp }),
  };
}

/** As few entries as still fail: none can be left out any more. */
async function fewest(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<readonly Entry[]> {
  let entries = plan.entries;
  let pieces = 2;
  while (entries.length > 0) {
    const size = Math.ceil(entries.length / pieces);
    let found = false;
    for (let from = 0; from < entries.length; from += size) {
      const without = [...entries.slice(0, from), ...entries.slice(from + size)];
      if (!(await fails({ ...plan, entries: without }))) continue;
      entries = without;
      pieces = Math.max(2, pieces - 1);
      found = true;
      break;
    }
    if (found) continue;
    if (size <= 1) break;
    pieces = Math.min(entries.length, pieces * 2);
  }
  return entries;
}

/** Each entry as mild as still fails. */
async function mildest(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let best = plan;
  for (let i = 0; i < best.entries.length; i++) {
    const entry = best.entries[i]!;
    for (const args of definitionOf(entry.fault).milder?.(entry.args) ?? []) {
      const entries = best.entries.with(i, { ...entry, args });
      if (!(await fails({ ...best, entries }))) continue;
      best = { ...best, entries };
      break;
    }
  }
  return best;
}
