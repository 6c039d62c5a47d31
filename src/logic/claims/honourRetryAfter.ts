import { redactUrl } from '../../trace/redact.ts';
import { formatDuration } from '../../time/duration.ts';
import { checkMembers, checkNumbers, DEFAULT_TOLERANCE_MS, type Tolerance } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { Polls } from '../polls.ts';
import { counted } from '../say.ts';

const HINT = 'write it as in honourRetryAfter({ tolerance: 50 }), in milliseconds';

/**
 * A client waits as long as it is asked to: nobody that an answer told to come back later (Retry-After, RFC 9110 §10.2.3) asks the
 * same again before. What was refused with 429 or 503 is not to be sent again before either, whatever its method.
 *
 * A date counts from the server's own clock, which its Date field tells; without that field nobody knows how long was asked for. It
 * holds only where some wish was put to the test by a later request.
 */
export const honourRetryAfter: ClaimFactory<Tolerance | undefined> = defineClaim<Tolerance | undefined>({
  name: 'honourRetryAfter',
  says: () => 'honour Retry-After',
  check(args) {
    if (args === undefined) return args;
    checkMembers('honourRetryAfter', args, ['tolerance'], HINT);
    checkNumbers('honourRetryAfter', { tolerance: args.tolerance }, HINT);
    return args;
  },
  start(args) {
    const tolerance = args?.tolerance ?? DEFAULT_TOLERANCE_MS;
    const polls = new Polls();
    let kept = 0;
    const standing = (): Standing => ({
      reason: { code: kept === 0 ? 'never-tested' : 'honoured', times: kept },
      evidence: polls.last === undefined ? [] : [polls.last],
    });
    return {
      step(o) {
        const asked = polls.step(o);
        if (asked?.wish === undefined) return undefined;
        const { request, wish } = asked;
        if (o.at >= wish.until - tolerance) {
          kept++;
          return undefined;
        }
        const reason = {
          code: 'asked-too-soon',
          request: `${request.method} ${redactUrl(request.url)}`,
          asked: wish.asked,
          waited: micros(o.at - wish.answer.at),
        };
        return { verdict: 'violated', reason, evidence: [wish.answer, o] };
      },
      standing,
      atEnd: () => (kept === 0 ? undefined : { verdict: 'holds', ...standing() }),
    };
  },
  tell({ reason }) {
    switch (reason.code) {
      case 'asked-too-soon': {
        const [waited, asked] = [Number(reason['waited']), Number(reason['asked'])];
        return {
          but: `${String(reason['request'])} was sent ${formatDuration(waited)} after an answer that asked to wait ${formatDuration(asked)}`,
          nearest: [`${formatDuration(Math.max(0, asked - waited))} too early`],
          hint: 'the answer’s Retry-After says when to come back (RFC 9110 §10.2.3): count it from the moment of the answer, also for one that refused (429, 503), and let it overrule a back-off of your own that is shorter',
        };
      }
      case 'honoured':
        return { but: `it waited as asked, ${counted(Number(reason['times']), 'time')}` };
      case 'never-tested':
        return {
          but: 'no request followed an answer that asked to wait',
          hint: 'let the server send Retry-After, and the client ask again: what was never put to the test is neither kept nor broken',
        };
      default:
        return undefined;
    }
  },
  samples: [undefined, { tolerance: 0 }],
});
