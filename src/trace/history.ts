import type { Millis } from '../time/index.ts';
import type { Observation, Outcome } from './event.ts';

/** One call with its answer: the trace read as concurrent work on the system. */
export interface Call {
  readonly id: string;
  /** The call's name; of an exchange, its method and path. */
  readonly name: string;
  readonly input: unknown;
  readonly output: unknown;
  /** `unknown` when no answer was seen: the work may or may not have been done. */
  readonly outcome: Outcome;
  /** Milliseconds since the trace began. */
  readonly calledAt: Millis;
  /** Undefined when no answer was seen: the call may take effect at any later time (Herlihy & Wing 1990, §2). */
  readonly returnedAt: Millis | undefined;
  /** Positions in the trace, for orders that the clock is too coarse to tell. */
  readonly calledSeq: number;
  readonly returnedSeq: number | undefined;
}

/**
 * Pairs calls with their returns, and requests with their responses, in order of the call.
 *
 * An HTTP answer below 500 has a known outcome (`ok` below 400, else `fail`); 5xx and a lost answer are `unknown`: the
 * server may have done the work before it failed.
 *
 * @example
 * ```ts
 * import { virtualClock } from 'holdfast/time';
 * import { createTrace, historyOf } from 'holdfast/trace';
 * const trace = createTrace({ clock: virtualClock() });
 * trace.record('client', { kind: 'call', call: '1', name: 'pay', input: 5 });
 * historyOf(trace.observations)[0]?.outcome; // => 'unknown'
 * ```
 */
export function historyOf(observations: readonly Observation[]): readonly Call[] {
  const calls: Call[] = [];
  const open = new Map<string, number>();
  const close = (key: string, o: Observation, outcome: Outcome, output: unknown): void => {
    const index = open.get(key);
    if (index === undefined) return;
    open.delete(key);
    calls[index] = {
      ...calls[index]!,
      outcome,
      output,
      ...(outcome === 'unknown' ? {} : { returnedAt: o.at, returnedSeq: o.seq }),
    };
  };
  for (const o of observations) {
    if (o.kind === 'call' || o.kind === 'request') {
      const [key, id, name, input] =
        o.kind === 'call'
          ? [`call ${o.call}`, o.call, o.name, o.input]
          : [`exchange ${o.exchange}`, o.exchange, `${o.method} ${pathOf(o.url)}`, o.body];
      open.set(key, calls.length);
      calls.push({
        id,
        name,
        input,
        output: undefined,
        outcome: 'unknown',
        calledAt: o.at,
        returnedAt: undefined,
        calledSeq: o.seq,
        returnedSeq: undefined,
      });
    } else if (o.kind === 'return') {
      close(`call ${o.call}`, o, o.outcome, o.output);
    } else if (o.kind === 'response') {
      close(`exchange ${o.exchange}`, o, o.status < 400 ? 'ok' : o.status < 500 ? 'fail' : 'unknown', o.body);
    }
  }
  return calls;
}

function pathOf(url: string): string {
  return URL.parse(url)?.pathname ?? url;
}
