import { HarnessError, nearest } from '../errors.ts';
import { statesOf, type Ending, type Lifecycle, type Observation, type ObservationOf } from '../trace/index.ts';
import type { ClaimContext } from './claim.ts';
import type { Course, Standing } from './judge.ts';
import type { KnownReason } from './reasons.ts';

/** What a state means: as its reader says, else as the lifecycle does. */
export function endingOf(observation: ObservationOf<'state'>, lifecycle: Lifecycle | undefined): Ending | undefined {
  return observation.ending ?? lifecycle?.endings[observation.state];
}

/** Waits for an ending; the first one decides. */
export function untilEnding(context: ClaimContext, wanted: Ending | 'any'): Course {
  const last = new LastState();
  return {
    step(observation) {
      if (observation.kind !== 'state') return undefined;
      last.saw(observation);
      const ending = endingOf(observation, context.lifecycle);
      if (ending === undefined) return undefined;
      const { state, error } = observation;
      const holds = wanted === 'any' || wanted === ending;
      const reason: KnownReason = holds
        ? { code: 'ended', state, ending }
        : { code: 'ended-otherwise', state, ending, wanted, ...(error === undefined ? {} : { error }) };
      return { verdict: holds ? 'holds' : 'violated', reason, evidence: [observation] };
    },
    standing: () => last.notYet(wanted === 'any' ? 'an ending' : wanted),
    atEnd: () => ({ verdict: 'violated', ...last.notYet(wanted === 'any' ? 'an ending' : wanted) }),
  };
}

/** The state seen last, and since when it is. */
export class LastState {
  #last: ObservationOf<'state'> | undefined;
  #since: Observation['at'] | undefined;

  saw(observation: ObservationOf<'state'>): void {
    if (this.#last?.state !== observation.state || this.#last.progress !== observation.progress) this.#since = observation.at;
    this.#last = observation;
  }

  notYet(wanted: string): Standing {
    if (this.#last === undefined) return { reason: { code: 'not-yet', wanted }, evidence: [] };
    const { state, progress } = this.#last;
    const reason: KnownReason = {
      code: 'not-yet',
      wanted,
      last: state,
      since: this.#since!,
      ...(progress === undefined ? {} : { progress }),
    };
    return { reason, evidence: [this.#last] };
  }
}

/** Refuses a state that the lifecycle does not have, with the nearest that it has. */
export function checkState(state: string, lifecycle: Lifecycle | undefined): void {
  if (lifecycle === undefined) return;
  const known = statesOf(lifecycle);
  if (known.includes(state)) return;
  const near = nearest(state, known);
  throw new HarnessError(
    'unknown-state',
    `the lifecycle has no state '${state}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
    `it has ${known.map((name) => `'${name}'`).join(', ')}`,
  );
}

/** Refuses an argument that cannot be the name of a state. */
export function checkName(state: unknown, claim: string): void {
  if (typeof state === 'string' && state !== '') return;
  throw new HarnessError(
    'invalid-state',
    `${claim}: expected the name of a state, received ${JSON.stringify(state) ?? 'nothing'}`,
    `write it as text, as in ${claim}('running')`,
  );
}
