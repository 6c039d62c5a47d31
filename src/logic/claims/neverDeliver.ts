import { formatDuration, parseDuration, type Duration } from '../../time/duration.ts';
import type { Observation } from '../../trace/index.ts';
import { deafWords, Heard, messagePattern, nameOf, wordsOf, type EventOption } from '../events.ts';
import { matches } from '../pattern.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';

export interface NeverDeliverArgs {
  /** What must not be delivered: a message's type, or a pattern. */
  readonly event: EventOption;
  readonly for: Duration;
}

/** From now on, and for this long, it is not delivered. Where a source listens, its silence counts; a source that is asked is looked at. */
export const neverDeliver: ClaimFactory<NeverDeliverArgs> = defineClaim<NeverDeliverArgs>({
  name: 'neverDeliver',
  members: ['event', 'for'],
  fromNow: true,
  hears: true,
  says: (args) =>
    `never deliver ${wordsOf(messagePattern(args.event, 'neverDeliver'))} for ${formatDuration(parseDuration(args.for, 'for'))}`,
  check: (args) => ({ event: messagePattern(args?.event, 'neverDeliver'), for: parseDuration(args.for, 'for') }),
  start({ event: given, for: length }, { since }) {
    const event = messagePattern(given, 'neverDeliver');
    const ms = parseDuration(length, 'for');
    const heard = new Heard();
    let last: Observation | undefined;
    return {
      step(o) {
        heard.saw(o);
        if (o.kind === 'tick') return undefined;
        if (o.kind === 'message' || o.kind === 'state' || o.kind === 'value') last = o;
        if (matches(o, event) !== true) return undefined;
        const reason = { code: 'delivered-forbidden', name: nameOf(o), after: micros(o.at - since) };
        return { verdict: 'violated', reason, evidence: [o] };
      },
      standing: () => ({ reason: { code: 'none-delivered', ...heard.told }, evidence: last === undefined ? [] : [last] }),
      // Looks that all failed, and who broke off, say nothing of what did not come.
      atEnd: (closing) =>
        heard.enough(closing)
          ? {
              verdict: 'holds',
              reason: { code: 'none-delivered', for: ms },
              evidence: last === undefined ? [] : [last],
            }
          : undefined,
      due: () => since + ms,
    };
  },
  tell({ reason }, { event }) {
    const what = wordsOf(messagePattern(event, 'neverDeliver'));
    switch (reason.code) {
      case 'delivered-forbidden': {
        const after = Number(reason['after']);
        const name = String(reason['name']);
        return {
          but: `${what} was delivered ${after <= 0 ? 'at once' : `after ${formatDuration(after)}`}${name === what ? '' : ` (${name})`}`,
          hint: 'what led to it? All that was seen is in the trace of this error',
        };
      }
      case 'none-delivered': {
        const deaf = deafWords(reason);
        return { but: deaf === undefined ? `${what} was not delivered` : `${deaf}: whether ${what} was delivered is not known` };
      }
      default:
        return undefined;
    }
  },
  samples: [{ event: 'done', for: 100 }],
});
