import { formatDuration, parseDuration } from '../../time/duration.ts';
import { reasonPhrase } from '../../trace/status.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory, type Decision, type Standing } from '../judge.ts';
import { checkedLimit, type LimitArgs } from '../limit.ts';
import { micros } from '../micros.ts';
import { exchangeOf } from '../polls.ts';

/** Answers that say that time ran out: of the request (408), or of whom the service calls (504). */
const TIMED_OUT_STATUSES: readonly number[] = [408, 504];
/** Errors and answers that say so; that a limit was given badly, or a transaction was given up, they say in similar words. */
const TIMED_OUT =
  /\btimed[ -]?out\b|\bE(SOCKET)?TIMEDOUT\b|\bUND_ERR_[A-Z]*_?TIMEOUT\b|\b(Headers|Body|Connect) Timeout Error\b|\bdeadline exceeded\b|\btimeout of \d+ ?m?s exceeded\b|\bdue to (\w+ )?timeout\b|\b(read|gateway|connection|request) time-?out\b(?! (?:must|should|is|has|option|value|cannot|of))|\btimeout (exceeded|acquiring|expired)\b/i;
/** How errors of clients are called that gave up in time. */
const TIMED_OUT_NAME = /(?:Timeout(?:Error|Exception)?|^AbortError)$/;
/** A service that is overloaded answers 503 at once; who waited for another first took at least this share of the limit. */
const WAITED_SHARE = 0.1;

function saysTimeOut({ status, body }: ObservationOf<'response'>, waited: boolean): boolean {
  return (
    TIMED_OUT_STATUSES.includes(status) || (status === 503 && (waited || (typeof body === 'string' && TIMED_OUT.test(body))))
  );
}

/**
 * A synchronous call to something that hangs gives up in time: its client with an error that says so, or its server with 408
 * (RFC 9110 §15.5.9), 504 (§15.6.5), or 503 (§15.6.4) that says so or came after a tenth of the limit. One that is answered otherwise
 * has no such limit, or did not need it.
 *
 * Judged on the first call that is seen: a request, a start, or a function that is called.
 */
export const timeOutWithin: ClaimFactory<LimitArgs> = defineClaim<LimitArgs>({
  name: 'timeOutWithin',
  says: ({ limit }) => `time out in ${formatDuration(parseDuration(limit, 'limit'))}`,
  check: (args) => checkedLimit('timeOutWithin', args),
  start({ limit: given }, { since }) {
    const limit = parseDuration(given, 'limit');
    let call: Observation | undefined;
    let exchange: string | undefined;
    const began = (): number => call?.at ?? since;
    const evidence = (o?: Observation): readonly Observation[] =>
      [call, o].filter((one): one is Observation => one !== undefined);
    const ended = (o: Observation, isTimeOut: boolean, how: string): Decision => {
      const took = micros(o.at - began());
      const code = !isTimeOut ? 'no-time-out' : took > limit ? 'timed-out-late' : 'timed-out';
      return { verdict: code === 'timed-out' ? 'holds' : 'violated', reason: { code, how, took, limit }, evidence: evidence(o) };
    };
    const waiting = (at: number): Standing => ({
      reason: { code: 'still-waiting', waited: micros(Math.max(0, at - began())) },
      evidence: evidence(),
    });
    return {
      step(o) {
        switch (o.kind) {
          case 'request':
          case 'call':
            if (call === undefined) {
              call = o;
              exchange = o.kind === 'request' ? exchangeOf(o) : `${o.source} ${o.call}`;
            }
            break;
          case 'response':
            if (exchangeOf(o) === exchange)
              return ended(
                o,
                saysTimeOut(o, o.at - began() >= WAITED_SHARE * limit),
                `${o.status} ${reasonPhrase(o.status) ?? ''}`.trim(),
              );
            break;
          case 'no-response':
            if (exchangeOf(o) === exchange)
              return ended(o, o.reason === 'timeout' || o.reason === 'aborted', o.message ?? o.reason);
            break;
          case 'error':
            // A call that was seen is told of by its answer.
            if (call === undefined || call.kind === 'call')
              return ended(o, TIMED_OUT_NAME.test(o.name ?? '') || TIMED_OUT.test(o.message), o.message);
            break;
          case 'state':
          case 'value':
            if (call === undefined) return ended(o, false, 'an answer');
            break;
          default:
        }
        return o.at - began() > limit ? { verdict: 'violated', ...waiting(o.at) } : undefined;
      },
      standing: () => waiting(began()),
      atEnd: ({ at }) => (at - began() > limit ? { verdict: 'violated', ...waiting(at) } : undefined),
      due: () => micros(began() + limit + 0.001),
    };
  },
  tell({ reason }) {
    const took = formatDuration(Number(reason['took']));
    switch (reason.code) {
      case 'timed-out':
        return { but: `it timed out after ${took}: ${String(reason['how'])}` };
      case 'timed-out-late':
        return {
          but: `it timed out only after ${took}: ${String(reason['how'])}`,
          hint: 'is the limit that the client was promised passed on to what it waits for, and counted for all tries together?',
        };
      case 'no-time-out':
        return {
          but: `it ended after ${took} otherwise: ${String(reason['how'])}`,
          hint: 'let what it calls hang for longer than the limit; if it does, nothing in the call looks at the time',
        };
      case 'still-waiting':
        return {
          but: `it was still waiting after ${formatDuration(Number(reason['waited']))}`,
          hint: 'the call has no limit of its own: give it one (AbortSignal.timeout, a deadline of the request), and answer 504 where a service did not',
        };
      default:
        return undefined;
    }
  },
  samples: [{ limit: 10 }, { limit: 300 }],
});
