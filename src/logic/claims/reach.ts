import { canReach } from '../../trace/index.ts';
import { checkName, checkState, endingOf, LastState } from '../ending.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

/**
 * The operation comes to a state. An ending in another state decides against it at once, and so does any state from which
 * the lifecycle, where one is known, has no way to it.
 */
export const reach: ClaimFactory<{ readonly state: string }> = defineClaim({
  name: 'reach',
  says: ({ state }) => `eventually reach '${state}'`,
  check(args) {
    checkName(args?.state, 'reach');
    return { state: args.state };
  },
  start({ state: wanted }, { lifecycle }) {
    checkState(wanted, lifecycle);
    const last = new LastState();
    return {
      step(observation) {
        if (observation.kind !== 'state') return undefined;
        last.saw(observation);
        const { state, error } = observation;
        if (state === wanted) return { verdict: 'holds', reason: { code: 'reached', state }, evidence: [observation] };
        const ending = endingOf(observation, lifecycle);
        if (ending !== undefined) {
          return {
            verdict: 'violated',
            reason: { code: 'ended-otherwise', state, ending, wanted, ...(error === undefined ? {} : { error }) },
            evidence: [observation],
          };
        }
        if (lifecycle !== undefined && state in lifecycle.moves && !canReach(lifecycle, state, wanted)) {
          return { verdict: 'violated', reason: { code: 'unreachable', from: state, wanted }, evidence: [observation] };
        }
        return undefined;
      },
      standing: () => last.notYet(wanted),
      atEnd: () => ({ verdict: 'violated', ...last.notYet(wanted) }),
    };
  },
  samples: [{ state: 'running' }, { state: 'succeeded' }],
});
