import type { Millis } from '../../time/index.ts';
import { meaningOf, readRetryAfter, type Observation, type ObservationOf } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';

export interface PolitenessArgs {
  /** How much too early still counts as on time, in milliseconds: 50 by default, for timers and clocks that are coarse. */
  readonly tolerance?: Millis;
  /** How many requests may follow the end; 0 by default, as a client that has read the end knows it. */
  readonly afterTheEnd?: number;
}

const DEFAULT_TOLERANCE_MS: Millis = 50;

/**
 * A client that polls is polite: it does not ask again before the server's Retry-After (RFC 9110 §10.2.3), and it stops
 * asking once it was told the end.
 *
 * Judged on the recorded requests and answers alone, address by address, so that any client can be judged, ours included.
 */
export const politeness: ClaimFactory<PolitenessArgs | undefined> = defineClaim<PolitenessArgs | undefined>({
  name: 'politeness',
  says: () => 'be polled politely',
  start(args) {
    const tolerance = args?.tolerance ?? DEFAULT_TOLERANCE_MS;
    const allowed = args?.afterTheEnd ?? 0;
    const pending = new Map<string, ObservationOf<'request'>>();
    const wishes = new Map<string, { until: Millis; asked: Millis; answer: Observation }>();
    const ends = new Map<string, { answer: Observation; asked: number }>();
    let looks = 0;
    let last: Observation | undefined;
    return {
      step(o) {
        if (o.kind === 'request') {
          last = o;
          pending.set(o.exchange, o);
          if (o.method !== 'GET' && o.method !== 'HEAD') return undefined;
          looks++;
          const end = ends.get(o.url);
          if (end !== undefined && ++end.asked > allowed) {
            return {
              verdict: 'violated',
              reason: { code: 'asked-after-the-end', url: o.url, after: o.at - end.answer.at },
              evidence: [end.answer, o],
            };
          }
          const wish = wishes.get(o.url);
          if (wish !== undefined && o.at < wish.until - tolerance) {
            return {
              verdict: 'violated',
              reason: { code: 'too-early', url: o.url, early: wish.until - o.at, asked: wish.asked },
              evidence: [wish.answer, o],
            };
          }
        } else if (o.kind === 'response') {
          last = o;
          const request = pending.get(o.exchange);
          pending.delete(o.exchange);
          if (request === undefined) return undefined;
          const field = (name: string): string | undefined => o.headers.find(([key]) => key === name)?.[1];
          const retryAfter = field('retry-after');
          // A date counts from the server's own clock, which its Date field tells.
          const wish = retryAfter === undefined ? undefined : readRetryAfter(retryAfter, Date.parse(field('date') ?? '') || 0);
          // The answer to a start speaks of its monitor.
          const about =
            request.method === 'GET'
              ? request.url
              : URL.parse(field('location') ?? field('operation-location') ?? '', request.url)?.href;
          if (about === undefined) return undefined;
          if (wish?.ok === true) wishes.set(about, { until: o.at + wish.delay, asked: wish.delay, answer: o });
          else wishes.delete(about);
          if (request.method === 'GET' && tellsTheEnd(o)) ends.set(about, { answer: o, asked: 0 });
        }
        return undefined;
      },
      standing: () => ({ reason: { code: 'polite', looks }, evidence: last === undefined ? [] : [last] }),
      atEnd: () => ({ verdict: 'holds', reason: { code: 'polite', looks }, evidence: last === undefined ? [] : [last] }),
    };
  },
  samples: [undefined, { tolerance: 0, afterTheEnd: 1 }],
});

/** Whether an answer of a monitor is its last word: an ending in the body, or a redirect to the result. */
function tellsTheEnd(o: ObservationOf<'response'>): boolean {
  if (o.status === 303 || o.status === 410) return true;
  if (o.status !== 200 || typeof o.body !== 'string') return false;
  try {
    const body = JSON.parse(o.body) as { status?: unknown; state?: unknown } | null;
    const word = body?.status ?? body?.state;
    const meaning = typeof word === 'string' ? meaningOf(word) : undefined;
    return meaning !== undefined && meaning !== 'pending';
  } catch {
    return false;
  }
}
