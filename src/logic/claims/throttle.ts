import { formatDuration, type Millis } from '../../time/duration.ts';
import { readRetryAfter } from '../../trace/retry-after.ts';
import type { Observation, ObservationOf } from '../../trace/index.ts';
import { keyOf } from '../../trace/tied.ts';
import { checkMembers, DEFAULT_TOLERANCE_MS, invalidArgument } from '../arguments.ts';
import { defineClaim, type ClaimFactory, type Decision, type Standing } from '../judge.ts';
import { micros } from '../micros.ts';
import { callerOf, exchangeOf, fieldOf, wishOf } from '../polls.ts';

export interface ThrottleArgs {
  /** The one who asks too often, by a key that the recorder gave; without it all requests are one caller's. */
  readonly caller?: string;
  /** Refused requests may put off the moment that was told first; by default who was told to come back then is let in then. */
  readonly putOff?: boolean;
}

const HINT = "write it as in throttle({ caller: 'ann' }): a key that exchanges().as('ann') gave";

/**
 * Who asks too often is refused with 429 and told when to come back (Retry-After of a second or more, RFC 6585 §4), is let in again
 * at that moment, and nobody else is refused. The field `RateLimit`, where there is one, can be read and does not contradict it
 * (draft-ietf-httpapi-ratelimit-headers: `t` is no later than Retry-After).
 *
 * It holds at the end, where the caller was refused, was let in again after that and, if one was named, somebody else was answered too.
 */
export const throttle: ClaimFactory<ThrottleArgs | undefined> = defineClaim<ThrottleArgs | undefined>({
  name: 'throttle',
  says: (args) => (args?.caller === undefined ? 'throttle who asks too often' : `throttle '${args.caller}' alone`),
  check(args) {
    if (args === undefined) return args;
    checkMembers('throttle', args, ['caller', 'putOff'], HINT);
    if (args.caller !== undefined && (typeof args.caller !== 'string' || args.caller === ''))
      throw invalidArgument('throttle', 'caller to be a key', args.caller, HINT);
    if (args.putOff !== undefined && typeof args.putOff !== 'boolean')
      throw invalidArgument('throttle', 'putOff to be true or false', args.putOff, HINT);
    return args;
  },
  start(args) {
    const pending = new Map<string, ObservationOf<'request'>>();
    let refusals = 0;
    /** The first refusal since the caller was let in last, and the moment that it told. */
    let refused: { readonly answer: Observation; readonly back: Millis; readonly asked: Millis } | undefined;
    let first: Observation | undefined;
    let others = 0;
    let letIn = false;
    let last: Observation | undefined;
    const caller = args?.caller === undefined ? undefined : keyOf(args.caller);
    const isCaller = ({ keys }: Observation): boolean =>
      caller === undefined || (keys?.some((key) => keyOf(key) === caller) ?? false);
    const standing = (): Standing => ({
      reason: { code: first === undefined ? 'never-refused' : 'throttled', refusals, answered: others, letIn },
      evidence: first !== undefined ? [first] : last === undefined ? [] : [last],
    });
    const wrong = (
      reason: { readonly code: string; readonly [detail: string]: unknown },
      evidence: readonly Observation[],
    ): Decision => ({
      verdict: 'violated',
      reason,
      evidence,
    });
    const refusal = (request: ObservationOf<'request'>, o: ObservationOf<'response'>): Decision | undefined => {
      if (!isCaller(request))
        return wrong({ code: 'refused-another', who: callerOf(request) }, [...(first === undefined ? [] : [first]), o]);
      const told = fieldOf(o, 'retry-after');
      if (told === undefined) return wrong({ code: 'no-retry-after' }, [o]);
      const wish = wishOf(o);
      if (wish === undefined || !readRetryAfter(told, 0).ok)
        return wrong({ code: 'unreadable', field: 'Retry-After', received: told }, [o]);
      if (wish.asked < 1) return wrong({ code: 'no-wait', received: told }, [o]);
      const limit = fieldOf(o, 'ratelimit');
      if (limit !== undefined) {
        const items = readLimits(limit);
        if (items === undefined) return wrong({ code: 'unreadable', field: 'RateLimit', received: limit }, [o]);
        const reset = Math.max(0, ...items.map(({ t = 0 }) => t)) * 1000;
        if (reset > wish.asked + 1000) return wrong({ code: 'back-too-soon', asked: wish.asked, reset }, [o]);
      }
      if (refused !== undefined && args?.putOff !== true && request.at > refused.back + DEFAULT_TOLERANCE_MS)
        return wrong({ code: 'kept-out', asked: refused.asked, after: micros(request.at - refused.answer.at) }, [
          refused.answer,
          o,
        ]);
      refused ??= { answer: o, back: o.at + wish.asked, asked: wish.asked };
      first ??= o;
      refusals++;
      return undefined;
    };
    return {
      step(o) {
        if (o.kind === 'request') {
          pending.set(exchangeOf(o), o);
          last = o;
        }
        if (o.kind === 'no-response') pending.delete(exchangeOf(o));
        if (o.kind !== 'response') return undefined;
        last = o;
        const request = pending.get(exchangeOf(o));
        pending.delete(exchangeOf(o));
        if (request === undefined) return undefined;
        if (o.status === 429) return refusal(request, o);
        if (isCaller(request)) {
          letIn ||= refused !== undefined && o.status < 500;
          refused = undefined;
        } else if (first !== undefined) others++;
        return undefined;
      },
      standing,
      atEnd() {
        if (first === undefined) return last === undefined ? undefined : { verdict: 'violated', ...standing() };
        return !letIn || (args?.caller !== undefined && others === 0) ? undefined : { verdict: 'holds', ...standing() };
      },
    };
  },
  tell({ reason }) {
    const received = `'${String(reason['received'])}'`;
    switch (reason.code) {
      case 'refused-another':
        return {
          but:
            reason['who'] === ''
              ? 'a request of somebody else was refused with 429'
              : `'${String(reason['who'])}' was refused with 429 too`,
          hint: 'by what are requests counted? An address that callers share (a gateway, a proxy) counts them all as one',
        };
      case 'no-retry-after':
        return {
          but: 'the 429 has no Retry-After',
          hint: 'tell when to come back (RFC 6585 §4): who is not told comes back at once',
        };
      case 'unreadable':
        return { but: `nobody can read its ${String(reason['field'])}: ${received}` };
      case 'no-wait':
        return {
          but: `the 429 asks to wait no time: Retry-After is ${received}`,
          hint: 'round the wait up to whole seconds: rounded down, all who were refused come back at once',
        };
      case 'back-too-soon':
        return {
          but: `Retry-After says ${formatDuration(Number(reason['asked']))}, and RateLimit that it begins anew in ${formatDuration(Number(reason['reset']))}`,
          hint: 'who comes back at Retry-After is refused again',
        };
      case 'kept-out':
        return {
          but: `who was told to come back in ${formatDuration(Number(reason['asked']))} was still refused after ${formatDuration(Number(reason['after']))}`,
          hint: 'does a refused request begin the window anew? Where that is meant, claim it with { putOff: true }',
        };
      case 'never-refused':
        return {
          but: 'nobody was refused: no answer was 429',
          hint: 'send more requests than a caller may, in the time of one window',
        };
      case 'throttled':
        if (reason['letIn'] === false)
          return {
            but: 'who was refused did not ask again when the time was over that it was told',
            hint: 'let it come back after Retry-After: whether it is let in again is the half of the claim that only this tells',
          };
        return reason['answered'] === 0
          ? { but: 'nobody else was answered after that', hint: "let another caller ask too, as by exchanges().as('bob').fetch" }
          : { but: 'it was throttled' };
      default:
        return undefined;
    }
  },
  samples: [undefined, { caller: '1' }],
});

/** `"name";r=0;t=12` (a list of Structured Fields, RFC 9651); undefined where it is none. */
function readLimits(field: string): readonly { readonly r: number; readonly t?: number }[] | undefined {
  const items: { r: number; t?: number }[] = [];
  for (const item of field.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/)) {
    const [, parameters] = /^\s*"(?:[^"\\]|\\.)*"((?:;\s*[a-z*][a-z0-9_\-.*]*(?:=[^;]+)?)*)\s*$/.exec(item) ?? [];
    if (parameters === undefined) return undefined;
    const number = (name: string): number | undefined => {
      const [, value] = new RegExp(`;\\s*${name}=([^;]+)`).exec(parameters) ?? [];
      return value === undefined ? undefined : /^\d{1,15}$/.test(value.trim()) ? Number(value) : Number.NaN;
    };
    const [r, t] = [number('r'), number('t')];
    if (r === undefined || Number.isNaN(r) || Number.isNaN(t)) return undefined;
    items.push(t === undefined ? { r } : { r, t });
  }
  return items;
}
