import { canReach, movesOf, type Lifecycle } from '../../trace/lifecycle.ts';
import type { Observation } from '../../trace/index.ts';
import { checkName, checkState, endingOf, LastState } from '../ending.ts';
import { defineClaim, type ClaimFactory, type Course, type Decision, type Standing } from '../judge.ts';

/**
 * The operation comes to a state. An ending in another state decides against it at once, and so does any state from which
 * the lifecycle, where one is known, has no way to it.
 */
export const reach: ClaimFactory<{ readonly state: string }> = defineClaim({
  name: 'reach',
  neither: 'it neither came there nor ended elsewhere',
  members: ['state'],
  says: ({ state }) => `eventually reach '${state}'`,
  check(args) {
    checkName(args?.state, 'reach');
    return { state: args.state };
  },
  start({ state: wanted }, { lifecycle }) {
    checkState(wanted, lifecycle);
    return new Reaching(wanted, lifecycle);
  },
  samples: [{ state: 'running' }, { state: 'succeeded' }],
});

/** A class, since many are started: the methods of a thousand of them are the same. */
class Reaching implements Course {
  readonly #wanted: string;
  readonly #lifecycle: Lifecycle | undefined;
  readonly #last = new LastState();

  constructor(wanted: string, lifecycle: Lifecycle | undefined) {
    this.#wanted = wanted;
    this.#lifecycle = lifecycle;
  }

  step(observation: Observation): Decision | undefined {
    if (observation.kind !== 'state') return undefined;
    this.#last.saw(observation);
    const wanted = this.#wanted;
    const lifecycle = this.#lifecycle;
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
    if (lifecycle !== undefined && movesOf(lifecycle, state) !== undefined && !canReach(lifecycle, state, wanted))
      return { verdict: 'violated', reason: { code: 'unreachable', from: state, wanted }, evidence: [observation] };
    return undefined;
  }

  standing(): Standing {
    return this.#last.notYet(this.#wanted);
  }

  atEnd(): Decision {
    return { verdict: 'violated', ...this.#last.notYet(this.#wanted) };
  }
}
