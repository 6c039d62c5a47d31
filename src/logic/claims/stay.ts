import { formatDuration, parseDuration, type Duration } from '../../time/duration.ts';
import type { ObservationOf } from '../../trace/index.ts';
import { checkName, checkState } from '../ending.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';

/** From now on, and for this long, every look finds the operation in this state. */
export const stay: ClaimFactory<{ readonly state: string; readonly for: Duration }> = defineClaim<{
  readonly state: string;
  readonly for: Duration;
}>({
  name: 'stay',
  members: ['state', 'for'],
  fromNow: true,
  says: (args) => `stay '${args.state}' for ${formatDuration(parseDuration(args.for, 'for'))}`,
  check(args) {
    checkName(args?.state, 'stay');
    return { state: args.state, for: parseDuration(args.for, 'for') };
  },
  start({ state: wanted, for: length }, { lifecycle, since }) {
    checkState(wanted, lifecycle);
    const ms = parseDuration(length, 'for');
    let last: ObservationOf<'state'> | undefined;
    return {
      step(observation) {
        if (observation.kind !== 'state') return undefined;
        const previous = last;
        last = observation;
        const { state } = observation;
        if (state === wanted) return undefined;
        const reason =
          previous === undefined
            ? { code: 'not-there', state: wanted, found: state }
            : { code: 'left', state: wanted, to: state, after: micros(observation.at - since) };
        return { verdict: 'violated', reason, evidence: previous === undefined ? [observation] : [previous, observation] };
      },
      standing: () => ({
        reason: { code: 'not-yet', wanted, ...(last === undefined ? {} : { last: last.state }) },
        evidence: last === undefined ? [] : [last],
      }),
      // Looks alone do not do: one of them must have found the state.
      atEnd: () =>
        last === undefined
          ? undefined
          : { verdict: 'holds', reason: { code: 'stayed', state: wanted, for: ms }, evidence: [last] },
      due: () => since + ms,
    };
  },
  samples: [{ state: 'running', for: 100 }],
});
