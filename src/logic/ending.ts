import { HarnessError, nearest, show } from '../errors.ts';
import { statesOf, type Lifecycle } from '../trace/lifecycle.ts';
import type { Ending, Observation, ObservationOf } from '../trace/index.ts';
import type { ClaimContext } from './claim.ts';
import type { Course, Decision, Standing } from './judge.ts';
import type { KnownReason } from './reasons.ts';

/** What a state means: as its reader says, else as the lifecycle does. */
export function endingOf(observation: ObservationOf<'state'>, lifecycle: Lifecycle | undefined): Ending | undefined {
  if (observation.ending !== undefined || lifecycle === undefined) return observation.ending;
  return Object.hasOwn(lifecycle.endings, observation.state) ? lifecycle.endings[observation.state] : undefined;
}

/** What `toEventuallyEqual` and its like are about, in an observation: a value that was told, and the result of a success. */
export function toldIn(o: Observation): { readonly value: unknown; readonly final: boolean } | undefined {
  // What was cut away by the trace is not known.
  if (o.kind === 'value') return o.truncated === true ? undefined : { value: o.value, final: false };
  if (o.kind !== 'state' || o.ending !== 'success' || o.result === undefined) return undefined;
  return { value: o.result, final: true };
}

/** Waits for an ending; the first one decides. */
export function untilEnding(context: ClaimContext, wanted: Ending | 'any'): Course {
  return new UntilEnding(context.lifecycle, wanted);
}

/** A class, since many are started: the methods of a thousand of them are the same. */
class UntilEnding implements Course {
  readonly #lifecycle: Lifecycle | undefined;
  readonly #wanted: Ending | 'any';
  readonly #last = new LastState();

  constructor(lifecycle: Lifecycle | undefined, wanted: Ending | 'any') {
    this.#lifecycle = lifecycle;
    this.#wanted = wanted;
  }

  step(observation: Observation): Decision | undefined {
    if (observation.kind !== 'state') return undefined;
    this.#last.saw(observation);
    const ending = endingOf(observation, this.#lifecycle);
    if (ending === undefined) return undefined;
    const wanted = this.#wanted;
    const { state, error } = observation;
    const holds = wanted === 'any' || wanted === ending;
    const reason: KnownReason = holds
      ? { code: 'ended', state, ending }
      : { code: 'ended-otherwise', state, ending, wanted, ...(error === undefined ? {} : { error }) };
    return { verdict: holds ? 'holds' : 'violated', reason, evidence: [observation] };
  }

  standing(): Standing {
    return this.#last.notYet(this.#wanted === 'any' ? 'an ending' : this.#wanted);
  }

  atEnd(): Decision {
    return { verdict: 'violated', ...this.standing() };
  }
}

/** The state seen last, and since when it is. */
export class LastState {
  #last: ObservationOf<'state'> | undefined;
  #since: Observation['at'] | undefined;

  get seen(): ObservationOf<'state'> | undefined {
    return this.#last;
  }

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
    `${claim}: expected the name of a state, received ${show(state)}`,
    `write it as text, as in ${claim}('running')`,
  );
}
