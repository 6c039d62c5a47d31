import { parseDuration, type Duration, type Millis } from '../time/duration.ts';

/** By a registered symbol, not by class: a probe may have another copy of this module than the watch. */
const SIGNAL: unique symbol = Symbol.for('holdfast.signal');

/** What a probe asks of the watch by throwing. */
type Signal = { readonly do: 'stop'; readonly reason: string } | { readonly do: 'again'; readonly after: Millis };

/** Thrown by {@link stopTrying} and {@link tryAgainAfter}; nobody else makes one. */
class ProbeSignal extends Error {
  readonly [SIGNAL]: Signal;

  constructor(name: string, message: string, signal: Signal) {
    super(message);
    this.name = name;
    this[SIGNAL] = signal;
  }
}

/**
 * From inside a probe or block: there is no use in looking on, so the wait fails now, with this reason.
 *
 * It works wherever a function of yours is called again and again: in `eventually`, `consistently`, `poll` and
 * `expect(fn).toEventually…()`. It ends every wait on that function, and passes none, also with `.not`.
 *
 * @param reason why it is hopeless; told in the failure message
 * @throws always: it does not return
 *
 * @example
 * ```ts
 * import { stopTrying, subject, watch } from 'holdfast';
 * import { succeed } from 'holdfast/logic';
 * import { poll } from 'holdfast/probes';
 * const job = { phase: 'CREATE_FAILED' };
 * const look = () => (job.phase === 'CREATE_FAILED' ? stopTrying('the cluster will never come up') : job.phase === 'ACTIVE');
 * const judgement = await watch(subject([poll(look)]), succeed(), { within: '20m' });
 * judgement.decidedBy; // => 'aborted'
 * ```
 */
export function stopTrying(reason: string): never {
  throw new ProbeSignal('StopTrying', reason, { do: 'stop', reason });
}

/**
 * From inside a probe or block: not yet, and do not look again before this time has gone by, whatever the pace is.
 *
 * The look counts as one that failed. The last look, at the deadline, is taken all the same.
 *
 * @param delay milliseconds, or a number with its unit (`'200ms'`)
 * @param reason what is waited for; told in the failure message
 * @throws always: it does not return. HarnessError `invalid-duration`
 *
 * @example
 * ```ts
 * import { subject, tryAgainAfter, watch } from 'holdfast';
 * import { succeed } from 'holdfast/logic';
 * import { poll } from 'holdfast/probes';
 * let looks = 0;
 * const judgement = await watch(subject([poll(() => ++looks > 1 || tryAgainAfter('20ms', 'warming up'))]), succeed());
 * [judgement.verdict, looks]; // => ['holds', 2]
 * ```
 */
export function tryAgainAfter(delay: Duration, reason = ''): never {
  const after = parseDuration(delay, 'tryAgainAfter');
  throw new ProbeSignal('TryAgainAfter', reason === '' ? `asked to be tried again after ${delay}` : reason, {
    do: 'again',
    after,
  });
}

/** What somebody who threw asks of the watch; undefined for an error like any other. */
export function signalOf(error: unknown): Signal | undefined {
  return typeof error === 'object' && error !== null && SIGNAL in error ? (error[SIGNAL] as Signal) : undefined;
}
