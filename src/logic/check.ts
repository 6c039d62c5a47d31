import type { Trace } from '../trace/index.ts';
import type { Claim, Judgement } from './claim.ts';
import { judge } from './judge.ts';
import { contextOf } from './ties.ts';

/**
 * Judges a claim on a finished trace: a recording, an operation that has ended, a recorder that was closed.
 *
 * Nothing is waited for and nothing is noted in the trace. That the trace ends is taken for the end of what there is to see; where
 * more may come, `watch(subject, claim)` waits for it.
 *
 * @returns the judgement, with the trace's own lifecycle and, on an operation's trace, of its own observations alone
 *
 * @example
 * ```ts
 * import { check } from 'holdfast';
 * import { succeed } from 'holdfast/logic';
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('job', { kind: 'state', state: 'succeeded', ending: 'success' });
 * check(trace, succeed()).verdict; // => 'holds'
 * ```
 */
export function check(trace: Pick<Trace, 'header' | 'observations'>, claim: Claim): Judgement {
  return judge(claim, trace.observations, { context: contextOf(trace, 0, 0) });
}
