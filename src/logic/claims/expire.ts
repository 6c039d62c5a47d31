import { formatDuration, parseDuration, type Duration, type Millis } from '../../time/duration.ts';
import { redactUrl } from '../../trace/redact.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import { checkMembers, checkNumbers, invalidArgument } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { aboutWhom, exchangeOf, isLooking, partyAt, tellsTheEnd } from '../polls.ts';

export interface ExpireArgs {
  /** How long after the end the monitor answers at least. */
  readonly atLeast?: Duration;
  /** When after the end it must be gone: 410, or 404. */
  readonly atMost?: Duration;
}

const HINT = "write it as in expire({ atLeast: '1h', atMost: '25h' }): counted from the end of the operation";

/** What is known of one monitor. */
interface Monitor {
  /** When it was known not to have ended: at its acceptance, or when it was looked at. */
  pending: Observation | undefined;
  /** The first answer that told the end. */
  end: Observation | undefined;
  /** The last answer after that. */
  alive: Observation | undefined;
  /** Whether a look at it was answered 202. */
  said202: boolean;
  /** Whether a look found it. */
  isThere: boolean;
}

/**
 * After its end an operation is told for at least so long, and then it is gone: 410, or 404 (RFC 9110 §15.5.11, §15.5.5). Before
 * that, "gone" is a loss: a client that was away learns neither end nor result.
 *
 * Judged on the looks that were recorded, ours or a client's: the end came between two of them, and so did the going. It is decided
 * against only where every moment between them would be wrong, and holds only where all of them would be right.
 */
export const expire: ClaimFactory<ExpireArgs> = defineClaim<ExpireArgs>({
  name: 'expire',
  says: ({ atLeast, atMost }) => {
    const kept = atLeast === undefined ? '' : `be kept for ${formatDuration(parseDuration(atLeast, 'atLeast'))} after its end`;
    const gone = atMost === undefined ? '' : `be gone ${formatDuration(parseDuration(atMost, 'atMost'))} after its end`;
    return [kept, gone].filter((part) => part !== '').join(' and to ');
  },
  check(args) {
    checkMembers('expire', args, ['atLeast', 'atMost'], HINT);
    if (args.atLeast === undefined && args.atMost === undefined) throw invalidArgument('expire', 'atLeast or atMost', args, HINT);
    const atLeast = args.atLeast === undefined ? undefined : parseDuration(args.atLeast, 'atLeast');
    const atMost = args.atMost === undefined ? undefined : parseDuration(args.atMost, 'atMost');
    checkNumbers('expire', { atMost }, HINT, atLeast ?? 0);
    return { ...(atLeast === undefined ? {} : { atLeast }), ...(atMost === undefined ? {} : { atMost }) };
  },
  start(args) {
    const atLeast: Millis = args.atLeast === undefined ? 0 : parseDuration(args.atLeast, 'atLeast');
    const atMost: Millis = args.atMost === undefined ? Number.POSITIVE_INFINITY : parseDuration(args.atMost, 'atMost');
    const pending = new Map<string, ObservationOf<'request'>>();
    const monitors = new Map<string, Monitor>();
    let kept: Standing | undefined;
    let last: Observation | undefined;
    const monitorAt = (whom: string): Monitor => {
      const known = monitors.get(whom) ?? {
        pending: undefined,
        end: undefined,
        alive: undefined,
        said202: false,
        isThere: false,
      };
      monitors.set(whom, known);
      return known;
    };
    const standing = (): Standing =>
      kept ?? {
        reason: { code: [...monitors.values()].some(({ end }) => end !== undefined) ? 'between-looks' : 'no-end' },
        evidence: last === undefined ? [] : [last],
      };
    return {
      step(o) {
        if (o.kind === 'request') pending.set(exchangeOf(o), o);
        if (o.kind !== 'response') return undefined;
        last = o;
        const request = pending.get(exchangeOf(o));
        pending.delete(exchangeOf(o));
        if (request === undefined) return undefined;
        if (!isLooking(request)) {
          // What was just accepted has not ended.
          if (o.status < 300) for (const whom of aboutWhom(request, o)) monitorAt(whom).pending ??= o;
          return undefined;
        }
        const monitor = monitorAt(partyAt(o, request.url));
        const { end, alive } = monitor;
        const isGone = o.status === 404 || o.status === 410;
        if (isGone) {
          // An address that never answered otherwise is none of a monitor.
          if (monitor.pending === undefined && end === undefined) return undefined;
          // It may tell 404 until the work has begun; 410 says that it was there.
          if (o.status === 404 && !monitor.isThere) return undefined;
          const most = monitor.pending === undefined ? Number.POSITIVE_INFINITY : o.at - monitor.pending.at;
          const least = end === undefined ? 0 : (alive ?? end).at - end.at;
          if (most < atLeast) {
            const evidence = [monitor.pending, end, alive, o].filter((one) => one !== undefined);
            const reason = {
              code: 'gone-too-soon',
              url: request.url,
              status: o.status,
              most: micros(most),
              isEndSeen: end !== undefined,
            };
            return { verdict: 'violated', reason, evidence };
          }
          if (end !== undefined && least >= atLeast && most <= atMost)
            kept ??= { reason: { code: 'expired', least: micros(least), most: micros(most) }, evidence: [end, o] };
          return undefined;
        }
        if (o.status >= 400) return undefined;
        monitor.isThere = true;
        if (end === undefined) {
          if (tellsTheEnd(o, monitor.said202)) monitor.end = o;
          else monitor.pending = o;
          monitor.said202 ||= o.status === 202;
          return undefined;
        }
        monitor.alive = o;
        const least = o.at - end.at;
        if (least > atMost)
          return {
            verdict: 'violated',
            reason: { code: 'kept-too-long', url: request.url, least: micros(least) },
            evidence: [end, o],
          };
        if (least >= atLeast && atMost === Number.POSITIVE_INFINITY)
          kept ??= { reason: { code: 'kept', least: micros(least) }, evidence: [end, o] };
        return undefined;
      },
      standing,
      atEnd: () => (kept === undefined ? undefined : { verdict: 'holds', ...kept }),
    };
  },
  tell({ reason }) {
    const url = redactUrl(String(reason['url']));
    const least = formatDuration(Number(reason['least']));
    switch (reason.code) {
      case 'gone-too-soon':
        return {
          but: `${url} answered ${String(reason['status'])} at most ${formatDuration(Number(reason['most']))} after its end${reason['isEndSeen'] === true ? '' : ', which nobody had seen'}`,
          hint: 'keep what has ended for as long as a client may be away: who was not there learns neither the end nor the result',
        };
      case 'kept-too-long':
        return { but: `${url} still answered ${least} after its end` };
      case 'kept':
        return { but: `it still answered ${least} after its end` };
      case 'expired':
        return { but: `it was kept for ${least} to ${formatDuration(Number(reason['most']))} after its end` };
      case 'between-looks':
        return {
          but: 'nothing was decided: no look after its end tells',
          hint: 'look shortly before and shortly after the moment at which it must still be there, or be gone; virtual time makes that cheap',
        };
      case 'no-end':
        return { but: 'no end was seen', hint: 'look at the monitor until it has ended, and on after that' };
      default:
        return undefined;
    }
  },
  samples: [{ atLeast: 10 }, { atLeast: 5, atMost: 50 }, { atMost: 30 }],
});
