import type { Observation } from '../../trace/index.ts';
import { checkNumbers, DEFAULT_TOLERANCE_MS, type Tolerance } from '../arguments.ts';
import type { Reason } from '../claim.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';
import { Polls } from '../polls.ts';

export interface PolitenessArgs extends Tolerance {
  /** How many requests may follow the end; 0 by default, as a client that has read the end knows it. */
  readonly afterTheEnd?: number;
}

/**
 * A client that polls is polite: it does not ask again before the server's Retry-After (RFC 9110 §10.2.3), and it stops
 * asking once it was told the end. A date counts from the server's own clock, which its Date field tells; without that field
 * nobody knows how long was asked for.
 *
 * Judged on the recorded requests and answers alone, client by client and address by address, so that any client can be judged,
 * ours included. `honourRetryAfter` and `stopPollingAfterTheEnd` claim either half, and want to have seen it put to the test.
 */
export const politeness: ClaimFactory<PolitenessArgs | undefined> = defineClaim<PolitenessArgs | undefined>({
  name: 'politeness',
  members: ['tolerance', 'afterTheEnd'],
  says: () => 'be polled politely',
  check(args) {
    checkNumbers(
      'politeness',
      { tolerance: args?.tolerance, afterTheEnd: args?.afterTheEnd },
      'write it as in politeness({ tolerance: 50, afterTheEnd: 1 }): milliseconds, and how many requests',
    );
    return args;
  },
  start(args) {
    const tolerance = args?.tolerance ?? DEFAULT_TOLERANCE_MS;
    const allowed = args?.afterTheEnd ?? 0;
    const polls = new Polls();
    /** How often each was asked after its end. */
    const after = new Map<string, number>();
    const told = (): { reason: Reason; evidence: Observation[] } => ({
      reason: polls.looks === 0 ? { code: 'no-look' } : { code: 'polite', looks: polls.looks },
      evidence: polls.last === undefined ? [] : [polls.last],
    });
    return {
      step(o) {
        const asked = polls.step(o);
        if (asked === undefined || !asked.isLook) return undefined;
        const { request, whom, wish, end } = asked;
        if (end !== undefined) {
          const times = (after.get(whom) ?? 0) + 1;
          after.set(whom, times);
          if (times > allowed) {
            return {
              verdict: 'violated',
              reason: { code: 'asked-after-the-end', url: request.url, after: micros(o.at - end.at) },
              evidence: [end, o],
            };
          }
        }
        if (wish !== undefined && o.at < wish.until - tolerance) {
          return {
            verdict: 'violated',
            reason: { code: 'too-early', url: request.url, early: micros(wish.until - o.at), asked: wish.asked },
            evidence: [wish.answer, o],
          };
        }
        return undefined;
      },
      standing: told,
      // Who asked for nothing was not put to the test.
      atEnd: () => (polls.looks === 0 ? undefined : { verdict: 'holds', ...told() }),
    };
  },
  tell: ({ reason }) =>
    reason.code === 'no-look'
      ? {
          but: 'nobody asked how it stands',
          hint: 'record the client that asks, with exchanges(): what was never put to the test is neither kept nor broken',
        }
      : undefined,
  samples: [undefined, { tolerance: 0, afterTheEnd: 1 }],
});
