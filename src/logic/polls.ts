import type { Millis } from '../time/index.ts';
import { meaningOf } from '../trace/words.ts';
import { readHttpDate, readRetryAfter } from '../trace/retry-after.ts';
import type { Observation, ObservationOf } from '../trace/index.ts';

/** HTTP dates are told in whole seconds: who waits until one may wait this much shorter than their difference says. */
const DATE_GRAIN_MS: Millis = 1000;
/** Only for the century of a date with a two-digit year. */
const RECENT = Date.UTC(2026, 0, 1);
/** Where an answer says how its operation, or its result, is to be asked for. */
const ADDRESS_FIELDS = ['location', 'operation-location', 'azure-asyncoperation', 'content-location'] as const;

/** That an answer asked to wait. */
export interface Wish {
  /** When the wait is over, in milliseconds since the trace began. */
  readonly until: Millis;
  readonly asked: Millis;
  readonly answer: Observation;
}

/** A request, and what its client had been told before it. */
export interface Asked {
  readonly request: ObservationOf<'request'>;
  /** It asks how things stand: GET or HEAD. */
  readonly isLook: boolean;
  /** Who asked whom: the keys of the observation and the address in its one form. */
  readonly whom: string;
  readonly wish: Wish | undefined;
  /** The answer that told the end of what it asks for. */
  readonly end: Observation | undefined;
}

/**
 * The requests of clients, each with what its client knew when it was sent: until when it was asked to wait, and whether it had
 * been told the end. Clients are told apart by the keys of their observations.
 */
export class Polls {
  readonly #pending = new Map<string, ObservationOf<'request'>>();
  readonly #wishes = new Map<string, Wish>();
  readonly #ends = new Map<string, Observation>();
  /** Who was told 202 by what it looks at. */
  readonly #accepted = new Set<string>();
  /** How many requests asked how things stand. */
  looks = 0;
  last: Observation | undefined;
  /** Who was told an end by the observation that came last. */
  told: string | undefined;

  /** What the observation is, if it is a request. */
  step(o: Observation): Asked | undefined {
    this.told = undefined;
    if (o.kind === 'request') {
      this.last = o;
      this.#pending.set(exchangeOf(o), o);
      const isLook = isLooking(o);
      if (isLook) this.looks++;
      const whom = partyAt(o, o.url);
      return {
        request: o,
        isLook,
        whom,
        wish: this.#wishes.get(isLook ? whom : `${o.method} ${whom}`),
        end: isLook ? this.#ends.get(whom) : undefined,
      };
    }
    if (o.kind === 'response') {
      this.last = o;
      const request = this.#pending.get(exchangeOf(o));
      this.#pending.delete(exchangeOf(o));
      if (request !== undefined) this.#answered(request, o);
    } else if (o.kind === 'no-response') {
      this.#pending.delete(exchangeOf(o));
    }
    return undefined;
  }

  #answered(request: ObservationOf<'request'>, o: ObservationOf<'response'>): void {
    const wish = wishOf(o);
    const party = partyAt(o, request.url);
    for (const whom of aboutWhom(request, o)) {
      if (wish === undefined) this.#wishes.delete(whom);
      else this.#wishes.set(whom, { until: o.at + wish.wait, asked: wish.asked, answer: o });
    }
    // Who is refused for now may not ask the same again before (RFC 6585 §4, RFC 9110 §15.6.4), whatever it was.
    if (!isLooking(request)) {
      const same = `${request.method} ${party}`;
      if (wish !== undefined && (o.status === 429 || o.status === 503))
        this.#wishes.set(same, { until: o.at + wish.wait, asked: wish.asked, answer: o });
      else this.#wishes.delete(same);
    }
    // Told again, it is still the first time that counts.
    if (!isLooking(request)) return;
    const isEnd = tellsTheEnd(o, this.#accepted.has(party));
    if (o.status === 202) this.#accepted.add(party);
    if (!isEnd || this.#ends.has(party)) return;
    this.#ends.set(party, o);
    this.told = party;
  }
}

/** Names of exchanges are their source's own. */
export function exchangeOf(o: ObservationOf<'request' | 'response' | 'no-response'>): string {
  return `${o.source} ${o.exchange}`;
}

/** Who asks: by the keys that the recorder was given; one client where there are none. */
export function callerOf({ keys }: Observation): string {
  return keys === undefined ? '' : keys.join(' ');
}

export function partyAt(o: Observation, url: string, base?: string): string {
  return `${callerOf(o)} ${addressOf(url, base)}`;
}

export function isLooking({ method }: ObservationOf<'request'>): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** The value of a header field of an answer. */
export function fieldOf(o: ObservationOf<'request' | 'response'>, name: string): string | undefined {
  return o.headers.find(([key]) => key === name)?.[1];
}

/** An address in the one form that all ways to write it share. */
export function addressOf(url: string, base?: string): string {
  const parsed = URL.parse(url, base);
  if (parsed === null) return url;
  // A fragment is never sent.
  parsed.hash = '';
  return parsed.href;
}

/** How long an answer asks to wait, and how long one must wait at least to have heeded it. */
export function wishOf(o: ObservationOf<'response'>): { readonly asked: Millis; readonly wait: Millis } | undefined {
  const retryAfter = fieldOf(o, 'retry-after');
  if (retryAfter === undefined) return undefined;
  const date = readHttpDate(fieldOf(o, 'date') ?? '', RECENT);
  const wish = readRetryAfter(retryAfter, date ?? RECENT);
  if (!wish.ok) return undefined;
  if (readHttpDate(retryAfter.trim(), RECENT) === undefined) return { asked: wish.delay, wait: wish.delay };
  return date === undefined ? undefined : { asked: wish.delay, wait: Math.max(0, wish.delay - DATE_GRAIN_MS) };
}

/** The answer to a start speaks of its monitor, and a redirect of where it leads (RFC 9110 §10.2.3); any other of what was asked. */
export function aboutWhom(request: ObservationOf<'request'>, o: ObservationOf<'response'>): readonly string[] {
  const leads = o.status >= 300 && o.status < 400 && o.status !== 304;
  if (isLooking(request) && !leads && o.status !== 202) return [partyAt(o, request.url)];
  // An operation may be started by asking, and a monitor may answer 202 as the start did.
  const itself = isLooking(request) && !leads ? [partyAt(o, request.url)] : [];
  const named = ADDRESS_FIELDS.flatMap((name) => {
    const address = fieldOf(o, name);
    return address === undefined ? [] : [partyAt(o, address, request.url)];
  });
  return [...itself, ...named];
}

/**
 * Whether an answer of a monitor is its last word: an ending in the body, or a redirect to the result. Of one that said 202 before,
 * 200 is the end as well (RFC 9110 §15.3.3: 202 is what is not done), unless its body says that it is still at work.
 *
 * @param wasAccepted whether it had answered 202 before
 */
export function tellsTheEnd(o: ObservationOf<'response'>, wasAccepted = false): boolean {
  if (o.status === 303 || o.status === 410) return true;
  if (o.status !== 200) return false;
  const told = typeof o.body === 'string' ? bodyMeans(o.body) : 'nothing';
  return told === 'end' || (told === 'nothing' && wasAccepted);
}

function bodyMeans(text: string): 'end' | 'pending' | 'nothing' {
  try {
    const body = JSON.parse(text) as { status?: unknown; state?: unknown; done?: unknown } | null;
    // An operation as Google's APIs tell it (AIP-151).
    if (body?.done === true) return 'end';
    const word = body?.status ?? body?.state;
    const meaning = typeof word === 'string' ? meaningOf(word) : undefined;
    return meaning === undefined ? 'nothing' : meaning === 'pending' ? 'pending' : 'end';
  } catch {
    return 'nothing';
  }
}
