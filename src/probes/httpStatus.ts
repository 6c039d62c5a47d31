import { HarnessError, show } from '../errors.ts';
import { proportional, type Clock, type Millis, type Pace } from '../time/index.ts';
import { isSecretHeader, readRetryAfter, redactUrl, type Event } from '../trace/index.ts';
import type { LookContext, Looked, Pull } from '../watch/index.ts';
import { ask, nameOf, prepare, statusLine, type Answer, type Fetch, type HeaderFields, type Prepared } from './exchange.ts';

/** How many redirects one look follows. */
export const MAX_REDIRECTS = 5;

export interface HttpStatusOptions {
  /** The source's name in a trace and a message; `monitor` by default. */
  readonly name?: string | undefined;
  readonly fetch?: Fetch | undefined;
  /** Sent with every look; credentials among them go to the monitor's own origin only. */
  readonly headers?: HeaderFields | undefined;
  /** Reads the state from an answer of the monitor; `undefined` when the answer says nothing about it. */
  readonly read: (answer: Answer) => Event | undefined;
  /** Where the monitor has moved to, when an answer says so. */
  readonly moved?: (answer: Answer) => string | undefined;
  readonly pace?: Pace | undefined;
  /** The first look is not due before this moment of the clock, in milliseconds. */
  readonly notBefore?: Millis | undefined;
}

/** Without a word of the server: soon at first, then in proportion to the time waited. */
export const MONITOR_PACE: Pace = proportional({ share: 0.1, min: 25, max: 2000 });

/** Statuses that say "not now" rather than anything about the operation. */
export function isTransient(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

/**
 * Sees by asking a status monitor over HTTP, one request a look.
 *
 * It honours Retry-After in both forms (RFC 9110 §10.2.3), asks conditionally once it was given an ETag (§13.1.2), follows
 * redirects other than 303 and a monitor that moves, and takes 303 for "done, the result is there" (§15.4.4). Answers that
 * say nothing about the operation (5xx, 429, no connection) are observations of kind `error`.
 *
 * @param url the monitor's absolute address
 * @throws HarnessError `invalid-url`
 */
export function httpStatus(url: string, options: HttpStatusOptions): Pull {
  let monitor = checkedUrl(url, 'the monitor').href;
  const name = options.name ?? 'monitor';
  const send: Fetch = options.fetch ?? ((to, init) => globalThis.fetch(to, init));
  const home = new URL(monitor).origin;
  let etag: string | undefined;
  let count = 0;

  const atHome = new Headers(options.headers);
  if (!atHome.has('accept')) atHome.set('accept', 'application/json, application/problem+json;q=0.9, */*;q=0.5');
  const elsewhere = new Headers([...atHome].filter(([field]) => !isSecretHeader(field)));
  let last: { readonly to: string; readonly tag: string | undefined; readonly request: Prepared } | undefined;

  /** One look is mostly like the one before: what was made for that is used again. */
  const requestTo = (to: string, fresh: boolean): Prepared => {
    const tag = to === monitor && !fresh ? etag : undefined;
    if (last?.to !== to || last.tag !== tag) {
      const headers = new Headers(new URL(to).origin === home ? atHome : elsewhere);
      if (tag !== undefined) headers.set('if-none-match', tag);
      last = { to, tag, request: prepare('GET', to, headers) };
    }
    return last.request;
  };

  return {
    name,
    pace: options.pace ?? MONITOR_PACE,
    async look(context: LookContext): Promise<Looked> {
      const looked = count++;
      let to = monitor;
      for (let hop = 0; ; hop++) {
        const id = hop === 0 ? `${name}/${looked}` : `${name}/${looked}.${hop}`;
        const answer = await ask(send, requestTo(to, context.fresh), id, (event) => context.record(event), context.signal);
        const next = answer.headers.get('location');
        if ([301, 302, 307, 308].includes(answer.status) && next !== null) {
          if (hop >= MAX_REDIRECTS)
            return failed(`${nameOf(answer)} redirects more than ${MAX_REDIRECTS} times, last to ${redactUrl(next)}`, answer);
          const target = resolved(next, to);
          if (target === undefined)
            return failed(`${nameOf(answer)} answered ${answer.status} with a Location that is not a URL: ${show(next)}`, answer);
          // 301 and 308 are permanent (RFC 9110 §15.4.2, §15.4.9): later looks go there at once.
          if ((answer.status === 301 || answer.status === 308) && to === monitor) monitor = target;
          to = target;
          continue;
        }
        return take(answer, to, context);
      }
    },
  };

  function take(answer: Answer, asked: string, context: LookContext): Looked {
    const notBefore = politeMoment(answer, context.clock, (text) => context.record({ kind: 'note', text }));
    if (answer.status === 304) return { events: [], notBefore };
    const moved = options.moved?.(answer);
    if (moved !== undefined) {
      const target = resolved(moved, asked);
      if (target === undefined)
        context.record({ kind: 'note', text: `${nameOf(answer)} names a monitor that is not a URL: ${show(moved)}` });
      else if (target !== monitor) {
        context.record({ kind: 'note', text: `the monitor moved to ${redactUrl(target)}` });
        monitor = target;
        etag = undefined;
      }
    }
    if (asked === monitor) etag = answer.headers.get('etag') ?? undefined;
    const event = isTransient(answer.status) ? undefined : options.read(answer);
    return event === undefined
      ? failed(`${nameOf(answer)} answered ${statusLine(answer)}`, answer, notBefore)
      : { events: [event], notBefore };
  }
}

/** The moment of the clock before which the server asks not to be asked again; a malformed wish is noted, not guessed. */
export function politeMoment(answer: Answer, clock: Clock, note: (text: string) => void): Millis | undefined {
  const value = answer.headers.get('retry-after');
  if (value === null) return undefined;
  const wish = readRetryAfter(value, clock.wall());
  if (wish.ok) return clock.now() + wish.delay;
  note(
    `${nameOf(answer)} sent a malformed Retry-After: expected ${wish.expected}, received ${show(wish.received)} (RFC 9110 §10.2.3); ` +
      'mend the server, or give a pace of your own: { pace: "500ms" }',
  );
  return undefined;
}

/** An absolute http(s) URL, or a clear refusal. */
export function checkedUrl(url: string, what: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new HarnessError(
      'invalid-url',
      `${what}: expected an absolute http or https URL, received ${show(url)}`,
      "write it whole, as in 'http://127.0.0.1:8080/operations/1'",
    );
  }
  return parsed;
}

/** A URL reference against its base (RFC 3986 §5), without the fragment, which is never sent; undefined if it is none. */
export function resolved(reference: string, base: string): string | undefined {
  const url = URL.parse(reference, base === '' ? undefined : base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  url.hash = '';
  return url.href;
}

function failed(message: string, answer: Answer, notBefore?: Millis): Looked {
  return { events: [{ kind: 'error', message, status: answer.status }], notBefore };
}
