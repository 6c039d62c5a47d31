import { HarnessError, show } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import { canReach, movesOf } from '../../trace/lifecycle.ts';
import type { Observation } from '../../trace/index.ts';
import { checkName, checkState, endingOf } from '../ending.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { Looks } from '../looks.ts';
import { micros } from '../micros.ts';

/** How many states are told, and kept as evidence: the first half and the latest; the trace has all. */
const MAX_SEEN = 100;

/**
 * The operation is seen in these states, in this order; others may lie between.
 *
 * A look sees a moment: a state that lasts less than the gap between two looks can be missed. The reason therefore tells
 * the gap in which a missing state may have hidden.
 */
export const passThrough: ClaimFactory<{ readonly states: readonly string[] }> = defineClaim<{
  readonly states: readonly string[];
}>({
  name: 'passThrough',
  neither: 'it neither passed through them all nor ended without',
  members: ['states'],
  says: ({ states }) => `pass through ${states.map((state) => `'${state}'`).join(', ')}`,
  check(args) {
    const states: unknown = args?.states;
    if (!Array.isArray(states) || states.length === 0) {
      throw new HarnessError(
        'invalid-state',
        `passThrough: expected a list of states in order, received ${show(states)}`,
        "write it as in passThrough(['queued', 'running', 'succeeded'])",
      );
    }
    for (const state of states) checkName(state, 'passThrough');
    return { states: [...states] as string[] };
  },
  start({ states: wanted }, { lifecycle }) {
    for (const state of wanted) checkState(state, lifecycle);
    const seen: string[] = [];
    let leftOut = 0;
    let matched = 0;
    const evidence: Observation[] = [];
    const looks = new Looks();
    /** When the latest look before this one was taken. */
    let before: Millis | undefined;
    let between: Millis | undefined;
    const missed = (): { reason: { code: string; [detail: string]: unknown }; evidence: readonly Observation[] } => ({
      reason: {
        code: 'missed-state',
        missing: wanted[matched],
        seen: [...seen],
        wanted,
        ...(leftOut === 0 ? {} : { leftOut }),
        ...(between === undefined ? {} : { between }),
      },
      evidence: [...evidence],
    });
    return {
      step(observation) {
        looks.saw(observation);
        if (
          observation.kind === 'tick' &&
          before !== undefined &&
          observation.looks !== undefined &&
          !looks.isFailing(observation.source)
        )
          before = observation.last ?? observation.at;
        if (observation.kind !== 'state') return undefined;
        const { state } = observation;
        if (seen.at(-1) !== state) {
          seen.push(state);
          between = before === undefined ? undefined : micros(observation.at - before);
          evidence.push(observation);
          if (seen.length > MAX_SEEN) {
            leftOut++;
            for (const list of [seen, evidence]) list.splice(MAX_SEEN / 2, 1);
          }
          // Only on coming to it: to be seen in it twice is not to pass through it twice.
          if (state === wanted[matched]) matched++;
        }
        before = observation.at;
        if (matched === wanted.length)
          return { verdict: 'holds', reason: { code: 'passed-through', states: wanted }, evidence: [...evidence] };
        const hopeless =
          lifecycle !== undefined && movesOf(lifecycle, state) !== undefined && !canReach(lifecycle, state, wanted[matched]!);
        return endingOf(observation, lifecycle) !== undefined || hopeless ? { verdict: 'violated', ...missed() } : undefined;
      },
      standing: missed,
      atEnd: () => ({ verdict: 'violated', ...missed() }),
    };
  },
  samples: [{ states: ['queued', 'running', 'succeeded'] }, { states: ['running'] }],
});
