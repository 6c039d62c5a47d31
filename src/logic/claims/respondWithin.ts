import { formatDuration, parseDuration } from '../../time/duration.ts';
import { redactUrl } from '../../trace/redact.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory, type Decision, type Standing } from '../judge.ts';
import { checkedLimit, type LimitArgs } from '../limit.ts';
import { micros } from '../micros.ts';
import { exchangeOf } from '../polls.ts';
import { counted } from '../say.ts';

/**
 * Every request is answered in time, whatever the answer: the start, each look, all that a recorded client sends. One that whoever
 * sent it gave up before, says nothing of its server; of one whose answer was lost before, nobody knows.
 */
export const respondWithin: ClaimFactory<LimitArgs> = defineClaim<LimitArgs>({
  name: 'respondWithin',
  says: ({ limit }) => `answer every request in ${formatDuration(parseDuration(limit, 'limit'))}`,
  check: (args) => checkedLimit('respondWithin', args),
  start({ limit: given }) {
    const limit = parseDuration(given, 'limit');
    /** In the order in which they were sent. */
    const pending = new Map<string, ObservationOf<'request'>>();
    /** The first whose answer was lost before the limit. */
    let lost: Standing | undefined;
    let answered = 0;
    let slowest = 0;
    let last: Observation | undefined;
    const oldest = (): ObservationOf<'request'> | undefined => pending.values().next().value;
    const inTime = (): Standing => ({
      reason: { code: 'answered-in-time', answered, slowest: micros(slowest) },
      evidence: last === undefined ? [] : [last],
    });
    const standing = (): Standing => lost ?? inTime();
    const told = (request: ObservationOf<'request'>, at: number, code: string, evidence: readonly Observation[]): Standing => ({
      reason: { code, request: `${request.method} ${redactUrl(request.url)}`, took: micros(at - request.at), limit },
      evidence,
    });
    const slow = (...given: Parameters<typeof told>): Decision => ({ verdict: 'violated', ...told(...given) });
    return {
      step(o) {
        const waiting = oldest();
        if (o.kind === 'request') pending.set(exchangeOf(o), o);
        if (o.kind === 'request' || o.kind === 'response' || o.kind === 'no-response') last = o;
        if (o.kind === 'response' || o.kind === 'no-response') {
          const request = pending.get(exchangeOf(o));
          pending.delete(exchangeOf(o));
          if (request !== undefined) {
            const took = o.at - request.at;
            if (took > limit) return slow(request, o.at, o.kind === 'response' ? 'slow' : 'lost-late', [request, o]);
            if (o.kind === 'response') {
              answered++;
              slowest = Math.max(slowest, took);
            } else if (o.reason !== 'aborted') lost ??= told(request, o.at, 'lost', [request, o]);
          }
        }
        return waiting !== undefined && pending.has(exchangeOf(waiting)) && o.at - waiting.at > limit
          ? slow(waiting, o.at, 'unanswered', [waiting])
          : undefined;
      },
      standing,
      atEnd({ at }) {
        const waiting = oldest();
        if (waiting !== undefined && at - waiting.at > limit) return slow(waiting, at, 'unanswered', [waiting]);
        // What is still on its way at the end may come in time.
        return answered === 0 || waiting !== undefined || lost !== undefined ? undefined : { verdict: 'holds', ...inTime() };
      },
      due() {
        const waiting = oldest();
        return waiting === undefined ? undefined : micros(waiting.at + limit + 0.001);
      },
    };
  },
  tell({ reason }) {
    const request = String(reason['request']);
    const took = formatDuration(Number(reason['took']));
    switch (reason.code) {
      case 'slow':
        return {
          but: `${request} was answered after ${took}`,
          nearest: [`${formatDuration(Number(reason['took']) - Number(reason['limit']))} too late`],
          hint: 'if the work takes so long, accept it (202) and tell where to ask; if the answer waits for something else, see what blocks it',
        };
      case 'unanswered':
        return {
          but: `${request} had no answer for ${took}`,
          hint: 'is what it asks for blocked, or does a proxy between hold the answer back? If the work takes so long, accept it (202) and tell where to ask',
        };
      case 'lost':
        return {
          but: `${request} had no answer: it was lost after ${took}, before the limit`,
          hint: 'whether it would have been answered in time nobody knows: what cut the connection?',
        };
      case 'lost-late':
        return {
          but: `${request} had no answer: it was lost after ${took}`,
          hint: 'who ended the connection, the server, a proxy between, or a time limit of the client? The log of the server tells whether the request arrived',
        };
      case 'answered-in-time':
        return reason['answered'] === 0
          ? {
              but: 'no answer was seen',
              hint: "a function's requests are not seen: give the client the fetch of exchanges(), and watch that",
            }
          : {
              but: `all ${counted(Number(reason['answered']), 'request')} were answered in time, the slowest after ${formatDuration(Number(reason['slowest']))}`,
            };
      default:
        return undefined;
    }
  },
  samples: [{ limit: 5 }, { limit: 100 }],
});
