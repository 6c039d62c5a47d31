import { shrink, type Outcome, type Plan } from '../faults/index.ts';
import { parseDuration, systemClock, type Clock, type Duration, type Millis } from '../time/index.ts';
import { onlyPins, pinsOf } from './pins.ts';
import { failuresOf, type ChaosResult, type RunOptions } from './run.ts';
import type { Scenario } from './scenario.ts';

/** How many runs of one scenario are asked for at most. */
export const MAX_RUNS_ASKED = 100_000;
/** How long a smaller schedule is looked for, unless told otherwise, in milliseconds. */
export const SHRINK_WITHIN_MS: Millis = 120_000;
/** How many runs that takes at most. */
const MAX_SHRINK_RUNS = 200;
/** How long is waited between two runs for a target that is not steady again, in milliseconds. */
const AGAIN_MS: Millis = 100;

export interface CampaignOptions {
  /** How many runs, each from a seed of its own; 1 by default. It ends with the first that is violated. */
  readonly times?: number | undefined;
  /** Only these lines of the plan, as a failure prints them. */
  readonly only?: readonly string[] | undefined;
  /** How long a smaller schedule is looked for; 2 min by default, and 0 for not at all. */
  readonly shrink?: Duration | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of the time that shrinking takes; the system clock by default. */
  readonly clock?: Clock | undefined;
  /** Told when a run begins: which, from 1, and by which seed. */
  readonly onRun?: ((run: number, seed: string) => void) | undefined;
  /** Told before each run that looks for a smaller schedule. */
  readonly onShrink?: ((runs: number, faults: number) => void) | undefined;
}

/** The smallest schedule that was found to break the same. */
export interface Counterexample {
  readonly plan: Plan;
  /** Its lines, each in words that lead back to it. */
  readonly pins: readonly string[];
  /** How many harms there were in the run that was violated. */
  readonly from: number;
  /** How many runs it took. */
  readonly runs: number;
  /** Of how many runs of it how many failed. */
  readonly failed: number;
  readonly of: number;
  /** Whether it failed in each of them. One that does not is flaky, by that rate. */
  readonly isSure: boolean;
  /** Why a smaller one was not looked for any more. */
  readonly gaveUp?: 'runs' | 'time' | 'over';
}

export interface Campaign {
  readonly scenario: Scenario;
  readonly verdict: ChaosResult['verdict'];
  /** The run that decided it: the first that was not kept, or the last. */
  readonly result: ChaosResult;
  /** How many runs there were, and how many were asked for. */
  readonly runs: number;
  readonly times: number;
  /** Where it was violated, and a smallest was looked for. */
  readonly counterexample?: Counterexample;
}

/** Runs a scenario once, in a world of its own or against a target that lives on. */
export type Runner = (scenario: Scenario, options: RunOptions) => Promise<ChaosResult>;

/**
 * Runs a scenario, from one seed after the other, until it is violated; then finds the smallest schedule that still breaks the same,
 * and runs that again, to know whether it always does.
 *
 * @throws HarnessError `unknown-pin`, `invalid-pin`, and what the runner throws
 */
export async function campaign(given: Scenario, run: Runner, options: CampaignOptions = {}): Promise<Campaign> {
  const { times = 1, only, signal, clock = systemClock, onRun, onShrink } = options;
  const scenario = only === undefined ? given : { ...given, plan: onlyPins(given.plan, only) };
  const shrinkWithin = parseDuration(options.shrink ?? SHRINK_WITHIN_MS, 'shrink');
  for (let i = 1; ; i++) {
    const mine = withSeed(scenario, i === 1 ? scenario.plan.seed : nextSeed(scenario.plan.seed, i));
    onRun?.(i, mine.plan.seed);
    const result = await run(mine, { signal });
    const told = { scenario: mine, verdict: result.verdict, result, runs: i, times };
    if (result.verdict === 'kept' && i < times) continue;
    if (result.verdict !== 'violated' || shrinkWithin === 0) return told;
    const smallest = await smallestOf(mine, result, run, { within: shrinkWithin, signal, clock, onShrink });
    if (smallest === undefined) return told;
    return { ...told, counterexample: { ...smallest, pins: pinsOf(given.plan, smallest.plan) } };
  }
}

/** The seed of the i-th run: a number counts on, so that each can be asked for by itself. */
function nextSeed(seed: string, i: number): string {
  const n = Number(seed);
  return Number.isSafeInteger(n) && String(n) === seed ? String(n + i - 1) : `${seed}.${i}`;
}

export function withSeed(scenario: Scenario, seed: string): Scenario {
  return { ...scenario, plan: { ...scenario.plan, seed } };
}

async function smallestOf(
  scenario: Scenario,
  result: ChaosResult,
  run: Runner,
  options: {
    readonly within: Millis;
    readonly signal: AbortSignal | undefined;
    readonly clock: Clock;
    readonly onShrink: CampaignOptions['onShrink'];
  },
): Promise<Omit<Counterexample, 'pins'> | undefined> {
  const { within, signal, clock, onShrink } = options;
  const broken = failuresOf(result);
  const isSame = (failure: string): boolean => broken.has(failure);
  const start = clock.now();
  let runs = 0;
  let isLost = false;
  const again = async (plan: Plan): Promise<Outcome> => {
    // The first run has been.
    if (runs++ === 0) return { fails: true, strikes: result.strikes };
    onShrink?.(runs, plan.entries.length);
    const since = clock.now();
    for (;;) {
      const told = await run({ ...scenario, plan }, { signal, stopWhen: isSame });
      if (told.verdict === 'violated') return { fails: [...failuresOf(told)].some(isSame), strikes: told.strikes };
      if (told.verdict !== 'unsteady') return { fails: false, strikes: told.strikes };
      // It has not recovered from the run before: what would come of this one would be no answer.
      if (clock.now() - since >= scenario.recovery || signal?.aborted === true) {
        isLost = true;
        return { fails: false, strikes: [] };
      }
      await clock.sleep(AGAIN_MS, signal);
    }
  };
  const shrunk = await shrink(scenario.plan, again, {
    runs: MAX_SHRINK_RUNS,
    isLate: () => clock.now() - start >= within,
    isOver: () => isLost || signal?.aborted === true,
  });
  return shrunk === undefined ? undefined : { ...shrunk, from: result.strikes.length };
}
