import {
  checkFormula,
  describe,
  is,
  MAX_RESIDUAL_NODES,
  Progression,
  eventually,
  always,
  leadsTo,
  not,
  type Formula,
} from '../formula.ts';
import type { Observation } from '../../trace/index.ts';
import type { Reason } from '../claim.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

/**
 * A temporal formula holds of what is seen.
 *
 * @example
 * ```ts
 * import { formula, is, judge, leadsTo } from 'holdfast/logic';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const answered = formula({ formula: leadsTo(is({ kind: 'request' }), is({ kind: 'response' }), { within: '5s' }) });
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('client', { kind: 'request', exchange: '1', method: 'GET', url: 'http://a.test/', headers: [] });
 * judge(answered, trace.observations).verdict; // => 'violated'
 * ```
 */
export const formula: ClaimFactory<{ readonly formula: Formula }> = defineClaim<{ readonly formula: Formula }>({
  name: 'formula',
  members: ['formula'],
  says: (args) => `satisfy: ${describe(args.formula)}`,
  check(args) {
    checkFormula(args?.formula);
    return args;
  },
  start(args) {
    const words = describe(args.formula);
    const progression = new Progression(args.formula);
    let last: Observation | undefined;
    const reason = (holds = false): Reason => {
      const near = holds ? undefined : progression.nearest?.miss;
      return {
        code: 'formula',
        formula: words,
        ...(near === undefined ? {} : { why: near.why }),
        ...(near?.expected === undefined ? {} : { expected: near.expected }),
        ...(near?.actual === undefined ? {} : { actual: near.actual }),
      };
    };
    const evidence = (): readonly Observation[] => (last === undefined ? [] : [last]);
    let bound = false;
    return {
      step(observation) {
        if (bound) return undefined;
        progression.step(observation);
        if (observation.kind !== 'tick') last = observation;
        const { verdict } = progression;
        bound = progression.size > MAX_RESIDUAL_NODES;
        if (verdict === undefined) return undefined;
        return { verdict: verdict ? 'holds' : 'violated', reason: reason(verdict), evidence: evidence() };
      },
      standing: () => ({
        reason: bound ? { code: 'residual-bound', nodes: progression.size, limit: MAX_RESIDUAL_NODES } : reason(),
        evidence: evidence(),
      }),
      bounded: () => bound,
      atEnd() {
        if (bound) return undefined;
        const holds = progression.atEnd();
        return { verdict: holds ? 'holds' : 'violated', reason: reason(holds), evidence: evidence() };
      },
      due: () => (bound ? undefined : progression.due()),
    };
  },
  samples: [
    { formula: eventually(is({ kind: 'state', state: 'succeeded' }), { within: 50 }) },
    { formula: always(not(is({ kind: 'error' }))) },
    { formula: leadsTo(is({ state: 'queued' }), is({ state: 'running' }), { within: 20 }) },
  ],
});
