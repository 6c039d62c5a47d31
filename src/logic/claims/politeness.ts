import { HarnessError, show } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import { meaningOf, readHttpDate, readRetryAfter, type Observation, type ObservationOf } from '../../trace/index.ts';
import { defineClaim, type ClaimFactory } from '../judge.ts';
import { micros } from '../micros.ts';

export interface PolitenessArgs {
  /** How much too early still counts as on time, in milliseconds: 50 by default, for timers and clocks that are coarse. */
  readonly tolerance?: Millis;
  /** How many requests may follow the end; 0 by default, as a client that has read the end knows it. */
  readonly afterTheEnd?: number;
}

const DEFAULT_TOLERANCE_MS: Millis = 50;
/** HTTP dates are told in whole seconds: who waits until one may wait this much shorter than their difference says. */
const DATE_GRAIN_MS: Millis = 1000;
/** Only for the century of a date with a two-digit year. */
const RECENT = Date.UTC(2026, 0, 1);
/** Where an answer says how its operation, or its result, is to be asked for. */
const ADDRESS_FIELDS = ['location', 'operation-location', 'azure-asyncoperation', 'content-location'] as const;

/**
 * A client that polls is polite: it does not ask again before the server's Retry-After (RFC 9110 §10.2.3), and it stops
 * asking once it was told the end. A date counts from the server's own clock, which its Date field tells; without that field
 * nobody knows how long was asked for.
 *
 * Judged on the recorded requests and answers alone, address by address, so that any client can be judged, ours included.
 */
export const politeness: ClaimFactory<PolitenessArgs | undefined> = defineClaim<PolitenessArgs | undefined>({
  name: 'politeness',
  says: () => 'be polled politely',
  check(args) {
    for (const [name, value] of [
      ['tolerance', args?.tolerance],
      ['afterTheEnd', args?.afterTheEnd],
    ] as const) {
      if (value === undefined || (typeof value === 'number' && value >= 0)) continue;
      throw new HarnessError(
        'invalid-argument',
        `politeness: expected ${name} to be a number from 0, received ${show(value)}`,
        'write it as in politeness({ tolerance: 50, afterTheEnd: 1 }): milliseconds, and how many requests',
      );
    }
    return args;
  },
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
          if (!isLook(o)) return undefined;
          looks++;
          const url = addressOf(o.url);
          const end = ends.get(url);
          if (end !== undefined && ++end.asked > allowed) {
            return {
              verdict: 'violated',
              reason: { code: 'asked-after-the-end', url: o.url, after: micros(o.at - end.answer.at) },
              evidence: [end.answer, o],
            };
          }
          const wish = wishes.get(url);
          if (wish !== undefined && o.at < wish.until - tolerance) {
            return {
              verdict: 'violated',
              reason: { code: 'too-early', url: o.url, early: micros(wish.until - o.at), asked: wish.asked },
              evidence: [wish.answer, o],
            };
          }
        } else if (o.kind === 'response') {
          last = o;
          const request = pending.get(o.exchange);
          pending.delete(o.exchange);
          if (request === undefined) return undefined;
          const wish = wishOf(o);
          for (const url of aboutWhom(request, o)) {
            if (wish === undefined) wishes.delete(url);
            else wishes.set(url, { until: o.at + wish.wait, asked: wish.asked, answer: o });
          }
          const url = addressOf(request.url);
          // Told again, it is still the first time that counts.
          if (isLook(request) && tellsTheEnd(o) && !ends.has(url)) ends.set(url, { answer: o, asked: 0 });
        } else if (o.kind === 'no-response') {
          pending.delete(o.exchange);
        }
        return undefined;
      },
      standing: () => ({ reason: { code: 'polite', looks }, evidence: last === undefined ? [] : [last] }),
      atEnd: () => ({ verdict: 'holds', reason: { code: 'polite', looks }, evidence: last === undefined ? [] : [last] }),
    };
  },
  samples: [undefined, { tolerance: 0, afterTheEnd: 1 }],
});

function isLook({ method }: ObservationOf<'request'>): boolean {
  return method === 'GET' || method === 'HEAD';
}

function fieldOf(o: ObservationOf<'response'>, name: string): string | undefined {
  return o.headers.find(([key]) => key === name)?.[1];
}

/** An address in the one form that all ways to write it share. */
function addressOf(url: string, base?: string): string {
  const parsed = URL.parse(url, base);
  if (parsed === null) return url;
  // A fragment is never sent.
  parsed.hash = '';
  return parsed.href;
}

/** How long an answer asks to wait, and how long one must wait at least to have heeded it. */
function wishOf(o: ObservationOf<'response'>): { readonly asked: Millis; readonly wait: Millis } | undefined {
  const retryAfter = fieldOf(o, 'retry-after');
  if (retryAfter === undefined) return undefined;
  const date = readHttpDate(fieldOf(o, 'date') ?? '', RECENT);
  const wish = readRetryAfter(retryAfter, date ?? RECENT);
  if (!wish.ok) return undefined;
  if (readHttpDate(retryAfter.trim(), RECENT) === undefined) return { asked: wish.delay, wait: wish.delay };
  return date === undefined ? undefined : { asked: wish.delay, wait: Math.max(0, wish.delay - DATE_GRAIN_MS) };
}

/** The answer to a start speaks of its monitor, and a redirect of where it leads (RFC 9110 §10.2.3); any other of what was asked. */
function aboutWhom(request: ObservationOf<'request'>, o: ObservationOf<'response'>): readonly string[] {
  const leads = o.status >= 300 && o.status < 400 && o.status !== 304;
  if (isLook(request) && !leads && o.status !== 202) return [addressOf(request.url)];
  // An operation may be started by asking, and a monitor may answer 202 as the start did.
  const itself = isLook(request) && !leads ? [addressOf(request.url)] : [];
  const named = ADDRESS_FIELDS.flatMap((name) => {
    const address = fieldOf(o, name);
    return address === undefined ? [] : [addressOf(address, request.url)];
  });
  return [...itself, ...named];
}

/** Whether an answer of a monitor is its last word: an ending in the body, or a redirect to the result. */
function tellsTheEnd(o: ObservationOf<'response'>): boolean {
  if (o.status === 303 || o.status === 410) return true;
  if (o.status !== 200 || typeof o.body !== 'string') return false;
  try {
    const body = JSON.parse(o.body) as { status?: unknown; state?: unknown; done?: unknown } | null;
    // An operation as Google's APIs tell it (AIP-151).
    if (body?.done === true) return true;
    const word = body?.status ?? body?.state;
    const meaning = typeof word === 'string' ? meaningOf(word) : undefined;
    return meaning !== undefined && meaning !== 'pending';
  } catch {
    return false;
  }
}
