import { HarnessError, show } from '../errors.ts';
import { proportional, type Pace } from '../time/pace.ts';
import type { Clock, Millis } from '../time/index.ts';
import { readRetryAfter } from '../trace/retry-after.ts';
import { redactUrl } from '../trace/redact.ts';
import type { Event } from '../trace/index.ts';
import { NO_NEWS, type LookContext, type Looked, type Pull } from '../watch/source.ts';
import {
  askAlong,
  nameOf,
  prepare,
  resolved,
  sendable,
  statusLine,
  TRACEPARENT,
  traceparentFor,
  type Answer,
  type Fetch,
  type Followed,
  type HeaderFields,
  type Prepared,
} from './exchange.ts';

export interface HttpStatusOptions {
  /** The source's name in a trace and a message; `monitor` by default. */
  readonly name?: string | undefined;
  readonly fetch?: Fetch | undefined;
  /** Sent with every look at the monitor's own origin; of these, another origin gets only what is harmless, such as Accept. */
  readonly headers?: HeaderFields | undefined;
  /**
   * Reads the state from an answer of the monitor; `undefined` when the answer says nothing about it, and an event of the kind
   * `error` to say why.
   */
  readonly read: (answer: Answer) => Event | undefined;
  /** Where the monitor has moved to, when an answer says so. */
  readonly moved?: (answer: Answer) => string | undefined;
  /** Whether an answer that commonly says "not now" (5xx, 408, 425, 429) is to be read all the same. */
  readonly tells?: ((answer: Answer) => boolean) | undefined;
  /** Whether an answer says that the monitor is not there any more. After an ending was read that is no failed look. */
  readonly gone?: ((answer: Answer) => boolean) | undefined;
  readonly pace?: Pace | undefined;
  /** What `traceparent` is drawn from, which is sent with every look unless `headers` has one; drawn afresh by default. */
  readonly seed?: string | undefined;
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
 * @throws HarnessError `invalid-url`, `invalid-headers`, `not-a-function`
 */
export function httpStatus(url: string, options: HttpStatusOptions): Pull {
  const { href, origin } = checkedUrl(url, 'the monitor');
  if (typeof options?.read !== 'function') {
    throw new HarnessError(
      'not-a-function',
      `httpStatus: expected read to be a function that makes a state of an answer, received ${show(options?.read)}`,
      "write httpStatus(url, { read: ({ json }) => ({ kind: 'state', state: json.status }) })",
    );
  }
  const fields = checkedHeaders(options.headers, 'headers');
  if (!fields.has(TRACEPARENT)) fields.set(TRACEPARENT, traceparentFor(options.seed, options.name ?? 'monitor'));
  return new Monitor(href, { ...options, headersFor: (to) => sendable(fields, to, [origin]) });
}

export interface MonitorOptions extends Omit<HttpStatusOptions, 'headers' | 'seed'> {
  /** The header fields for an address, and the names of those that must not go there. */
  readonly headersFor: (url: string) => ReturnType<typeof sendable>;
}

/** A status monitor, and what is known of it from one look to the next. */
export class Monitor implements Pull {
  readonly name: string;
  readonly pace: Pace;
  readonly #options: MonitorOptions;
  readonly #fetch: Fetch;
  /** The entity tag that was given last, and by which address: another one knows nothing of it. */
  #etag: { readonly url: string; readonly tag: string } | undefined;
  #url: string;
  #looks = 0;
  /** Where the next look goes, as the last one was redirected there and asked to wait before it follows. */
  #redirected: { readonly to: string; readonly hops: number } | undefined;
  #last: { readonly to: string; readonly tag: string | undefined; readonly request: Prepared } | undefined;
  /** An ending was read: from then on the provider may forget it. */
  #ended = false;
  #forgotten = false;
  /** Other origins that it was told of once. */
  readonly #foreign = new Set<string>();

  constructor(url: string, options: MonitorOptions) {
    this.name = options.name ?? 'monitor';
    this.pace = options.pace ?? MONITOR_PACE;
    this.#options = options;
    this.#fetch = options.fetch ?? ((to, init) => globalThis.fetch(to, init));
    this.#url = url;
  }

  /** Where it is now. */
  get url(): string {
    return this.#url;
  }

  async look(context: LookContext): Promise<Looked> {
    const look = this.#looks++;
    // The watch uses one context for many looks.
    const { fresh } = context;
    const { to: from, hops } = this.#redirected ?? { to: this.#url, hops: 0 };
    this.#redirected = undefined;
    const followed = await askAlong(
      this.#fetch,
      from,
      (to) => this.#requestTo(to, fresh, context),
      `${this.name}/${look}`,
      (event) => context.record(event),
      context.signal,
      {
        hops,
        // Later looks go there at once.
        moved: (left, to) => void (this.#url = left === this.#url ? to : this.#url),
        // What asks to be waited for is followed by the next look.
        now: (answer) => (politeMoment(answer, context.clock, () => undefined) ?? 0) <= context.clock.now(),
      },
    );
    // Nobody is told of a look that was given up: what it saw must not count as told.
    return look === this.#looks - 1 ? this.#take(followed, fresh, context) : NO_NEWS;
  }

  /** One look is mostly like the one before: what was made for that is used again. */
  #requestTo(to: string, fresh: boolean, context: LookContext): Prepared {
    const tag = this.#etag?.url === to && !fresh ? this.#etag.tag : undefined;
    if (this.#last?.to !== to || this.#last.tag !== tag) {
      const { headers, withheld } = this.#options.headersFor(to);
      if (!headers.has('accept')) headers.set('accept', 'application/json, application/problem+json;q=0.9, */*;q=0.5');
      if (tag !== undefined) headers.set('if-none-match', tag);
      this.#last = { to, tag, request: prepare('GET', to, headers) };
      if (withheld.length > 0) this.#noteWithheld(new URL(to).origin, withheld, context);
    }
    return this.#last.request;
  }

  #noteWithheld(origin: string, fields: readonly string[], context: LookContext): void {
    if (this.#foreign.has(origin)) return;
    this.#foreign.add(origin);
    const text = `not sent to ${origin}, as it was given for another origin: ${fields.join(', ')}`;
    context.record({ kind: 'note', text });
  }

  #take({ answer, stuck, later }: Followed, fresh: boolean, context: LookContext): Looked {
    const note = (text: string): void => context.record({ kind: 'note', text });
    const notBefore = politeMoment(answer, context.clock, note);
    if (stuck !== undefined) return failed(stuck, answer, notBefore);
    if (later !== undefined) {
      this.#redirected = later;
      return { events: [], notBefore };
    }
    const { url } = answer;
    // To a look that asked for no other tag, 304 says nothing (RFC 9110 §15.4.5).
    if (answer.status === 304 && !fresh && this.#etag?.url === url) return { events: [], notBefore };
    const moved = this.#options.moved?.(answer);
    if (moved !== undefined) {
      const target = resolved(moved, url);
      if (target === undefined) note(`${nameOf(answer)} names a monitor that is not a URL: ${show(redactUrl(moved))}`);
      else if (target !== this.#url) {
        note(`the monitor moved to ${redactUrl(target)}`);
        this.#url = target;
      }
    }
    if (this.#ended && this.#options.gone?.(answer) === true) {
      if (!this.#forgotten) note(`${nameOf(answer)} answered ${statusLine(answer)}: gone after its end, which is no failure`);
      this.#forgotten = true;
      return { events: [], notBefore };
    }
    const isNotNow = isTransient(answer.status) && this.#options.tells?.(answer) !== true;
    const event = isNotNow ? undefined : this.#options.read(answer);
    const tag = answer.headers.get('etag');
    // What could not be read is to be told again, and not to be called unchanged.
    this.#etag = tag === null || event === undefined || event.kind === 'error' ? undefined : { url, tag };
    if (event?.kind === 'state' && event.ending !== undefined) this.#ended = true;
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

/**
 * An absolute http(s) URL without its fragment, which is never sent.
 *
 * @throws HarnessError `invalid-url`, also for one with a user or password in it: `fetch` would refuse it in a message that
 * tells both
 */
export function checkedUrl(url: string, what: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new HarnessError(
      'invalid-url',
      `${what}: expected an absolute http or https URL, received ${show(typeof url === 'string' ? redactUrl(url) : url)}`,
      "write it whole, as in 'http://127.0.0.1:8080/operations/1'",
    );
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new HarnessError(
      'invalid-url',
      `${what}: expected a URL without a user and password in it, received them with ${redactUrl(parsed.href)}`,
      "send them in a header: { headers: { authorization: 'Basic …' } }",
    );
  }
  parsed.hash = '';
  return parsed;
}

/**
 * Header fields as they are sent.
 *
 * @throws HarnessError `invalid-headers`, which does not tell the value
 */
export function checkedHeaders(fields: HeaderFields | undefined, what: string): Headers {
  const headers = new Headers();
  let name = '';
  try {
    const pairs = typeof fields === 'object' && Symbol.iterator in fields ? fields : Object.entries(fields ?? {});
    for (const [key, value] of pairs as Iterable<[string, string]>) {
      name = key;
      headers.append(key, value);
    }
  } catch {
    throw new HarnessError(
      'invalid-headers',
      `${what}: expected header fields, received ${name === '' ? 'none that can be read' : `a name or value at ${show(name)} that HTTP does not allow`} (RFC 9110 §5)`,
      "write { 'x-name': 'value' }: a name of letters, digits and dashes, and a value on one line",
    );
  }
  return headers;
}

function failed(message: string, answer: Answer, notBefore?: Millis): Looked {
  return { events: [{ kind: 'error', message, status: answer.status }], notBefore };
}
