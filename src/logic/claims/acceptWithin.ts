import { formatDuration, parseDuration } from '../../time/duration.ts';
import { reasonPhrase } from '../../trace/status.ts';
import type { Observation } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { checkedLimit, type LimitArgs } from '../limit.ts';
import { micros } from '../micros.ts';
import { Start } from '../starts.ts';

/**
 * The request that starts the work is taken in time: answered with 2xx or 3xx, counted from when it was sent. An API that accepts
 * work for later answers before the work is done (RFC 9110 §15.3.3).
 */
export const acceptWithin: ClaimFactory<LimitArgs> = defineClaim<LimitArgs>({
  name: 'acceptWithin',
  says: ({ limit }) => `be accepted in ${formatDuration(parseDuration(limit, 'limit'))}`,
  check: (args) => checkedLimit('acceptWithin', args),
  start({ limit: given }) {
    const limit = parseDuration(given, 'limit');
    const start = new Start();
    let last: Observation | undefined;
    /** The answer was lost before the limit: whether it was accepted nobody knows. */
    let lost: Standing | undefined;
    const evidence = (): readonly Observation[] => [start.sent ?? last].filter((o) => o !== undefined);
    const waiting = (): Standing => ({
      reason:
        start.sent === undefined
          ? { code: 'no-start' }
          : { code: 'unanswered', waited: micros((last?.at ?? start.sent.at) - start.sent.at) },
      evidence: evidence(),
    });
    return {
      step(o) {
        last = o;
        const event = start.step(o);
        const { sent } = start;
        if (sent === undefined) return undefined;
        const took = micros(o.at - sent.at);
        if (event?.is === 'answered') {
          const { status } = event.answer;
          const code = status >= 400 ? 'refused' : took > limit ? 'late' : 'accepted';
          const verdict = code === 'accepted' ? 'holds' : 'violated';
          return { verdict, reason: { code, status, took, limit }, evidence: [sent, o] };
        }
        if (lost !== undefined) return undefined;
        if (took >= limit) return { verdict: 'violated', ...waiting() };
        if (event?.is === 'lost') lost = { reason: { code: 'lost', why: event.why, took }, evidence: [sent, o] };
        return undefined;
      },
      standing: () => lost ?? waiting(),
      // Before its limit a start without an answer is neither late nor in time.
      atEnd: ({ at }) =>
        start.sent === undefined || lost !== undefined || at - start.sent.at < limit
          ? undefined
          : { verdict: 'violated', reason: { code: 'unanswered', waited: micros(at - start.sent.at) }, evidence: evidence() },
      due: () => (start.sent === undefined || lost !== undefined ? undefined : start.sent.at + limit),
    };
  },
  tell({ reason }) {
    const { code } = reason;
    const status = `${String(reason['status'])} ${reasonPhrase(Number(reason['status'])) ?? ''}`.trim();
    switch (code) {
      case 'late': {
        const [took, limit] = [Number(reason['took']), Number(reason['limit'])];
        return {
          but: `the answer, ${status}, took ${formatDuration(took)}`,
          nearest: [`${formatDuration(took - limit)} too late`],
          hint: 'does the server do a part of the work before it answers? Keep the order, answer 202 with a monitor, and do the rest later (RFC 9110 §15.3.3)',
        };
      }
      case 'refused':
        return { but: `it was not accepted: the answer was ${status}` };
      case 'accepted':
        return { but: `it was accepted with ${status} in ${formatDuration(Number(reason['took']))}` };
      case 'lost':
        return {
          but: `no answer came: ${String(reason['why'])}`,
          hint: "the answer was lost, so whether it was accepted is not known: look in the provider's log whether the request arrived",
        };
      case 'unanswered':
        return {
          but: `the start had no answer for ${formatDuration(Number(reason['waited']))}`,
          hint: 'does the server do the work before it answers, is it blocked, or does a proxy between hold the answer back?',
        };
      case 'no-start':
        return {
          but: 'no start was seen',
          hint: 'give it what starts the work, as in operation(() => fetch(…)); of a monitor alone it is not known when it was accepted',
        };
      default:
        return undefined;
    }
  },
  samples: [{ limit: 10 }],
});
