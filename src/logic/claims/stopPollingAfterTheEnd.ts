import { redactUrl } from '../../trace/redact.ts';
import type { Observation } from '../../trace/index.ts';
import { formatDuration, parseDuration, type Duration } from '../../time/duration.ts';
import { checkMembers, checkNumbers } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Decision, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { Polls } from '../polls.ts';
import { counted } from '../say.ts';

export interface StopPollingArgs {
  /** How many requests may follow the end; 0 by default, as a client that has read the end knows it. */
  readonly allowed?: number;
  /** How long it must be quiet after the end to be believed; by default until the watching ends. */
  readonly for?: Duration;
}

const HINT = "write it as in stopPollingAfterTheEnd({ allowed: 1, for: '2s' }): how many requests, and how long to be quiet";

/**
 * A client that was told the end asks no more: an ending in the body, a redirect to the result (303) or 410 is the last answer that
 * it asks for at that address. It holds only where an end was told.
 */
export const stopPollingAfterTheEnd: ClaimFactory<StopPollingArgs | undefined> = defineClaim<StopPollingArgs | undefined>({
  name: 'stopPollingAfterTheEnd',
  says: (args) =>
    `stop polling after the end${args?.for === undefined ? '' : `, for ${formatDuration(parseDuration(args.for, 'for'))}`}`,
  check(args) {
    if (args === undefined) return args;
    checkMembers('stopPollingAfterTheEnd', args, ['allowed', 'for'], HINT);
    checkNumbers('stopPollingAfterTheEnd', { allowed: args.allowed }, HINT);
    return {
      ...(args.allowed === undefined ? {} : { allowed: args.allowed }),
      ...(args.for === undefined ? {} : { for: parseDuration(args.for, 'for') }),
    };
  },
  start(args) {
    const allowed = args?.allowed ?? 0;
    const quiet = args?.for === undefined ? undefined : parseDuration(args.for, 'for');
    const polls = new Polls();
    /** How often each who was told an end asked after it. */
    const after = new Map<string, number>();
    let last: Observation | undefined;
    const standing = (): Standing => ({
      reason:
        last === undefined
          ? { code: 'no-end' }
          : quiet === undefined
            ? { code: 'stopped', ends: after.size }
            : { code: 'unsettled', quiet },
      evidence: last === undefined ? (polls.last === undefined ? [] : [polls.last]) : [last],
    });
    const holds = (end: Observation): Decision => ({
      verdict: 'holds',
      reason: { code: 'stopped', ends: after.size },
      evidence: [end],
    });
    return {
      step(o) {
        const asked = polls.step(o);
        if (asked?.end !== undefined) {
          const { end, whom, request } = asked;
          const times = (after.get(whom) ?? 0) + 1;
          after.set(whom, times);
          if (times > allowed) {
            return {
              verdict: 'violated',
              reason: { code: 'polled-on', url: request.url, after: micros(o.at - end.at), times },
              evidence: [end, o],
            };
          }
        }
        if (polls.told !== undefined) {
          last = o;
          after.set(polls.told, 0);
        }
        return quiet !== undefined && last !== undefined && o.at >= last.at + quiet ? holds(last) : undefined;
      },
      standing,
      // Where nothing more can come there is nothing to wait for.
      atEnd: ({ by, at }) =>
        last === undefined || (quiet !== undefined && by !== 'end' && at < last.at + quiet) ? undefined : holds(last),
      due: () => (quiet === undefined || last === undefined ? undefined : last.at + quiet),
    };
  },
  tell({ reason }) {
    switch (reason.code) {
      case 'polled-on':
        return {
          but: `${redactUrl(String(reason['url']))} was asked again ${formatDuration(Number(reason['after']))} after it had told the end`,
          hint: 'a client that has read a terminal state, a redirect to the result (303) or 410 has nothing more to learn there: it must leave its loop',
        };
      case 'stopped':
        return { but: `it stopped at ${counted(Number(reason['ends']), 'end')}` };
      case 'unsettled':
        return {
          but: `it was told the end so late that it could not be watched for ${formatDuration(Number(reason['quiet']))} more`,
          hint: 'raise within, or say a shorter time (for)',
        };
      case 'no-end':
        return {
          but: 'no end was told',
          hint: 'let the server tell an end, and the client see it: what was never put to the test is neither kept nor broken',
        };
      default:
        return undefined;
    }
  },
  samples: [undefined, { allowed: 1, for: 20 }],
});
