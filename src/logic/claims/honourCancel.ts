import { formatDuration, parseDuration, type Duration, type Millis } from '../../time/duration.ts';
import { reasonPhrase } from '../../trace/status.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import { checkMembers } from '../arguments.ts';
import { endingOf, LastState } from '../ending.ts';
import { defineClaim, type ClaimFactory, type Decision, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { exchangeOf } from '../polls.ts';

export interface HonourCancelArgs {
  /** How long nothing may succeed once it was told as cancelled; 250 ms by default, less where there is nothing more to see. */
  readonly quiet?: Duration;
}

const DEFAULT_QUIET_MS: Millis = 250;
const HINT = "write it as in honourCancel({ quiet: '1s' })";
/** Where cancelling is an action of its own: `POST …/cancel`, `POST …:cancel` (AIP-151). */
const CANCEL_PATH = /[/:]cancel(?=$|[?#])/i;

/**
 * Once it is asked to cancel, the operation ends as cancelled, and nothing succeeds after that. A refusal with 409 is legal where the
 * operation then ends otherwise (RFC 9110 §15.5.10). An answer that is lost, or says "not now" (408, 429, 5xx), decides nothing by
 * itself: who asks again is judged by that.
 *
 * Asked to cancel is what `operation.cancel()` sends, and any `DELETE` or `POST …/cancel` that is seen.
 */
export const honourCancel: ClaimFactory<HonourCancelArgs | undefined> = defineClaim<HonourCancelArgs | undefined>({
  name: 'honourCancel',
  says: () => 'honour its cancellation',
  check(args) {
    if (args === undefined) return args;
    checkMembers('honourCancel', args, ['quiet'], HINT);
    return args.quiet === undefined ? {} : { quiet: parseDuration(args.quiet, 'quiet') };
  },
  start(args, { lifecycle }) {
    const quiet = args?.quiet === undefined ? DEFAULT_QUIET_MS : parseDuration(args.quiet, 'quiet');
    const last = new LastState();
    let request: ObservationOf<'request'> | undefined;
    let answer: ObservationOf<'response'> | undefined;
    /** All that asked to cancel and have no answer yet. */
    const pending = new Map<string, ObservationOf<'request'>>();
    /** The one that counts had an answer, or lost it. */
    let isOver = false;
    /** One of those before had no answer that tells: it may have arrived all the same. */
    let unsure = false;
    let ended: ObservationOf<'state'> | undefined;
    let cancelled: ObservationOf<'state'> | undefined;
    let endedBefore: ObservationOf<'state'> | undefined;
    const evidence = (...more: readonly (Observation | undefined)[]): readonly Observation[] =>
      [request, answer, cancelled, ...more].filter((o) => o !== undefined);
    const status = (): { readonly status?: number } => (answer === undefined ? {} : { status: answer.status });
    const standing = (): Standing => {
      const code =
        request === undefined
          ? 'not-asked'
          : endedBefore !== undefined
            ? 'ended-before'
            : cancelled !== undefined
              ? 'cancelled'
              : answer?.status === 409
                ? 'refused-and-pending'
                : 'not-cancelled';
      const state = last.seen?.state;
      return { reason: { code, ...status(), ...(state === undefined ? {} : { state }) }, evidence: evidence(last.seen) };
    };
    const violated = (code: string, o: Observation, details: object = {}): Decision => ({
      verdict: 'violated',
      reason: { code, ...status(), ...details },
      evidence: evidence(o),
    });
    const ask = (o: ObservationOf<'request'>): void => {
      pending.set(exchangeOf(o), o);
      const again = request !== undefined && isOver && !(answer !== undefined && answer.status < 400);
      if (request !== undefined && !again) return;
      adopt(o);
      answer = undefined;
      isOver = false;
    };
    const adopt = (o: ObservationOf<'request'>): void => {
      request = o;
      if (ended !== undefined && ended.seq < o.seq) endedBefore ??= ended;
    };
    const onAnswer = (o: ObservationOf<'response'>): Decision | undefined => {
      const asked = pending.get(exchangeOf(o));
      pending.delete(exchangeOf(o));
      // The first that was accepted is the one that counts.
      if (asked === undefined || (answer !== undefined && answer.status < 400)) return undefined;
      const isNow = asked === request;
      if (o.status < 400 && !isNow) adopt(asked);
      else if (!isNow) return undefined;
      answer = o;
      isOver = true;
      if (tellsNothing(o)) unsure = true;
      else if (o.status >= 400 && o.status !== 409 && !unsure && endedBefore === undefined) return violated('cannot-cancel', o);
      return undefined;
    };
    const onState = (o: ObservationOf<'state'>): Decision | undefined => {
      last.saw(o);
      const ending = endingOf(o, lifecycle);
      if (ending === undefined) return undefined;
      if (ending !== 'cancelled') ended ??= o;
      if (request === undefined) endedBefore ??= o;
      if (request === undefined || endedBefore !== undefined) return undefined;
      const after = micros(o.at - request.at);
      if (ending === 'cancelled') {
        if (answer?.status === 409 && !unsure) return violated('refused-and-cancelled', o, { after });
        cancelled ??= o;
        return quiet === 0 ? { verdict: 'holds', ...standing() } : undefined;
      }
      if (cancelled !== undefined)
        return ending === 'success'
          ? violated('succeeded-later', o, { after: micros(o.at - cancelled.at), state: o.state })
          : undefined;
      if (answer?.status === 409) return { verdict: 'holds', reason: { code: 'refused', state: o.state }, evidence: evidence(o) };
      // Nobody knows whether a cancellation without an answer arrived.
      return answer === undefined || answer.status >= 400
        ? undefined
        : violated('ended-otherwise', o, { after, state: o.state, wanted: 'cancelled', ending });
    };
    return {
      step(o) {
        if (o.kind === 'request' && isCancel(o)) ask(o);
        else if (o.kind === 'response') {
          const wrong = onAnswer(o);
          if (wrong !== undefined) return wrong;
        } else if (o.kind === 'no-response') {
          if (pending.delete(exchangeOf(o))) unsure = true;
          if (request !== undefined && exchangeOf(o) === exchangeOf(request)) isOver = true;
        } else if (o.kind === 'state') return onState(o);
        return cancelled !== undefined && o.at - cancelled.at >= quiet ? { verdict: 'holds', ...standing() } : undefined;
      },
      standing,
      atEnd() {
        if (request === undefined || endedBefore !== undefined) return undefined;
        if (cancelled !== undefined) return { verdict: 'holds', ...standing() };
        // Whether one arrived that was not answered, nobody knows; and a refusal is judged by the end.
        return answer !== undefined && answer.status < 400 ? { verdict: 'violated', ...standing() } : undefined;
      },
      due: () => (cancelled === undefined ? undefined : cancelled.at + quiet),
    };
  },
  tell({ reason, at }) {
    const status = Number(reason['status']);
    const told = Number.isNaN(status) ? 'not answered' : `answered ${status} ${reasonPhrase(status) ?? ''}`.trim();
    const state = `'${String(reason['state'])}'`;
    const after = formatDuration(Number(reason['after']));
    switch (reason.code) {
      case 'ended-otherwise':
        return {
          but: `it ended as ${state} ${after} after it was asked to cancel, which was ${told}`,
          hint: 'an answer to a cancellation must tell what was done, not what was asked for: who is too late is told 409 (RFC 9110 §15.5.10)',
        };
      case 'succeeded-later':
        return {
          but: `it was told as ${state} ${after} after it had been told as cancelled`,
          hint: 'is the job still running that the cancellation should have stopped?',
        };
      case 'refused-and-cancelled':
        return { but: `the cancellation was refused with 409, and ${after} later it was told as cancelled` };
      case 'cannot-cancel':
        return {
          but: `the cancellation was ${told}`,
          hint: 'name the dialect, or cancel it where the provider takes it; a provider that refuses for now answers 409',
        };
      case 'not-cancelled':
        return {
          but: `the cancellation was ${told}, and ${reason['state'] === undefined ? 'no state was seen after it' : `it was still ${state}`}${at === undefined ? '' : ` at +${formatDuration(at)}`}`,
        };
      case 'refused-and-pending':
        return {
          but: `the cancellation was refused with 409, and it was still ${state}`,
          hint: 'wait until it has ended: a refusal is right only where it ends otherwise',
        };
      case 'ended-before':
        return {
          but: 'it had ended before it was asked to cancel',
          hint: 'cancel it while it runs, as with work that takes longer',
        };
      case 'not-asked':
        return {
          but: 'nobody asked it to cancel',
          hint: 'call await op.cancel() before, or let the client under test cancel while it is recorded',
        };
      case 'cancelled':
        return { but: 'it was cancelled, and nothing succeeded after that' };
      case 'refused':
        return { but: `the cancellation was refused with 409, and it ended as ${state}` };
      default:
        return undefined;
    }
  },
  samples: [undefined, { quiet: 0 }, { quiet: 40 }],
});

/** Not now: whether it was taken all the same nobody knows. */
function tellsNothing({ status }: ObservationOf<'response'>): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function isCancel({ source, method, url }: ObservationOf<'request'>): boolean {
  return source === 'cancel' || method === 'DELETE' || (method === 'POST' && CANCEL_PATH.test(url));
}
