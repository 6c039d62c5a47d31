import { formatDuration, parseDuration, type Duration } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import { checkName, checkState } from '../ending.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';

/** From now on, and for this long, no look finds the operation in this state. */
export const neverReach: ClaimFactory<{ readonly state: string; readonly for: Duration }> = defineClaim<{
  readonly state: string;
  readonly for: Duration;
}>({
  name: 'neverReach',
  members: ['state', 'for'],
  fromNow: true,
  says: (args) => `never reach '${args.state}' for ${formatDuration(parseDuration(args.for, 'for'))}`,
  check(args) {
    checkName(args?.state, 'neverReach');
    return { state: args.state, for: parseDuration(args.for, 'for') };
  },
  start({ state: forbidden, for: length }, { lifecycle, since }) {
    checkState(forbidden, lifecycle);
    const ms = parseDuration(length, 'for');
    let last: Observation | undefined;
    let told = false;
    return {
      step(observation) {
        if (observation.kind !== 'state' && observation.kind !== 'value') return undefined;
        last = observation;
        if (observation.kind === 'value') return undefined;
        told = true;
        if (observation.state !== forbidden) return undefined;
        return {
          verdict: 'violated',
          reason: { code: 'reached-forbidden', state: forbidden, after: micros(observation.at - since) },
          evidence: [observation],
        };
      },
      standing: () => ({ reason: { code: 'not-yet', wanted: `not ${forbidden}` }, evidence: last === undefined ? [] : [last] }),
      // Looks that all failed say nothing about the state, and neither do values.
      atEnd: () =>
        last === undefined || !told
          ? undefined
          : { verdict: 'holds', reason: { code: 'never-reached', state: forbidden, for: ms }, evidence: [last] },
      due: () => since + ms,
    };
  },
  samples: [{ state: 'failed', for: 100 }],
});
