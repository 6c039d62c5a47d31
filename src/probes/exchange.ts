import { isError, show } from '../errors.ts';
import { freshSeed, seeded } from '../time/random.ts';
import { MAX_BODY_BYTES, type Body, type Event, type EventOf } from '../trace/event.ts';
import { reasonPhrase } from '../trace/status.ts';
import { redactHeaders, redactUrl, redactText } from '../trace/redact.ts';

/** A `fetch`, or anything that is called like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Header fields as `new Headers()` takes them. */
export type HeaderFields = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** How many bytes of one body are read at all; more makes the look fail. */
export const MAX_READ_BYTES: number = 8 * 1024 * 1024;
/** How many redirects one look follows. */
export const MAX_REDIRECTS = 5;
/** How much of what an error answer says is told, in characters. */
const MAX_PROBLEM_CHARACTERS = 500;

/** An HTTP answer, read whole. */
export interface Answer {
  /** The method and address that it answers; an empty method where it is not known. */
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** The body as text; undefined when there is none or it is not text. */
  readonly text: string | undefined;
  /** The body as JSON, where it is JSON. */
  readonly json: unknown;
  /** What is wrong with the body, where its type, or without one its looks, say that it is JSON and it cannot be read as that. */
  readonly broken?: string | undefined;
}

export type Recorder = (event: Event) => void;

/** A request that may be sent again and again: what a trace may keep of it is found once. */
export interface Prepared {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly told: Omit<EventOf<'request'>, 'kind' | 'exchange'>;
}

export function prepare(method: string, url: string, headers: Headers, body?: string): Prepared {
  return {
    method,
    url,
    headers: Object.fromEntries(headers),
    body,
    told: {
      method,
      url: redactUrl(url),
      headers: redactHeaders(headers),
      ...(body === undefined ? {} : kept(new TextEncoder().encode(body))),
    },
  };
}

/**
 * Sends one request and records it with its answer, or with the fact that none came. Redirects are not followed.
 *
 * @param id names the exchange in the trace
 * @throws what `fetch` throws, after it was recorded
 */
export async function ask(fetch: Fetch, request: Prepared, id: string, record: Recorder, signal?: AbortSignal): Promise<Answer> {
  const { method, url, body, told } = request;
  record({ kind: 'request', exchange: id, ...told });
  // A copy for each: whoever stands between us and the wire may write into it.
  const headers = { ...request.headers };
  const init: RequestInit = { method, headers, redirect: 'manual' };
  if (body !== undefined) init.body = body;
  if (signal !== undefined) init.signal = signal;
  let read: Read;
  try {
    const response = await fetch(url, init);
    // Most looks of one who asks conditionally bring no body: they need not wait for it.
    read = response.body === null ? { response, bytes: NO_BYTES, whole: true } : await readBody(response, signal);
  } catch (error) {
    record(noResponse(id, error));
    throw withoutAddresses(error);
  }
  return answerOf(read, method, url, id, record);
}

/**
 * Reads and records an answer that somebody else asked for.
 *
 * @param signal gives up a body that does not come to its end
 * @throws Error when the body is too large, or was given up
 */
export async function readAnswer(
  response: Response,
  method: string,
  url: string,
  id: string,
  record: Recorder,
  signal?: AbortSignal,
): Promise<Answer> {
  return answerOf(await readBody(response, signal), method, url, id, record);
}

/** A `fetch` that is given up when its signal says so, whether it minds it or not. */
export function minding(fetch: Fetch): Fetch {
  return (url, init) => {
    const { signal } = init;
    if (signal === undefined || signal === null) return fetch(url, init);
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const going = fetch(url, init);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        reject(signal.reason as Error);
        // Nobody reads what comes all the same.
        going.then((late) => late.body?.cancel()).catch(() => undefined);
      };
      signal.addEventListener('abort', stop, { once: true });
      going.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
    });
  };
}

/** An answer at the end of its redirects. */
export interface Followed {
  readonly answer: Answer;
  /** Why the answer, a redirect, was not followed. */
  readonly stuck: string | undefined;
  /** Where the answer, a redirect, is to be followed later, and how many were followed before. */
  readonly later?: { readonly to: string; readonly hops: number } | undefined;
}

/** How redirects are followed. */
export interface Along {
  /** Told when a redirect is permanent. */
  readonly moved?: (from: string, to: string) => void;
  /** Whether 303 is followed too. To who asks for a monitor it names another resource (RFC 9110 §15.4.4). */
  readonly seeOther?: boolean;
  /** How many were followed before. */
  readonly hops?: number;
  /** Whether it is followed now; where it asks to be waited for (Retry-After, RFC 9110 §10.2.3), it may be waited for here. */
  readonly now?: (redirect: Answer) => boolean | Promise<boolean>;
}

/**
 * Asks with GET, and follows a bounded number of redirects.
 *
 * @param requestTo the request to an address: credentials do not go along to another origin
 * @throws what `fetch` throws, after it was recorded
 */
export async function askAlong(
  fetch: Fetch,
  from: string,
  requestTo: (url: string) => Prepared,
  id: string,
  record: Recorder,
  signal: AbortSignal,
  { moved = () => undefined, seeOther = false, hops = 0, now = () => true }: Along = {},
): Promise<Followed> {
  let url = from;
  for (let hop = hops; ; hop++) {
    const answer = await ask(fetch, requestTo(url), hop === hops ? id : `${id}.${hop - hops}`, record, signal);
    const isFollowed = isRedirect(answer.status) || (seeOther && answer.status === 303);
    const next = isFollowed ? addressIn(answer, 'location') : undefined;
    if (next === undefined) return { answer, stuck: undefined };
    if (hop >= MAX_REDIRECTS)
      return { answer, stuck: `${nameOf(answer)} redirects more than ${MAX_REDIRECTS} times, last to ${redactUrl(next)}` };
    const to = resolved(next, url);
    if (to === undefined) {
      const told = show(redactUrl(next));
      return { answer, stuck: `${nameOf(answer)} answered ${answer.status} with a Location that is not a URL: ${told}` };
    }
    // 301 and 308 are permanent (RFC 9110 §15.4.2, §15.4.9).
    if (answer.status === 301 || answer.status === 308) moved(url, to);
    if (answer.headers.has('retry-after') && !(await now(answer)))
      return { answer, stuck: undefined, later: { to, hops: hop + 1 } };
    url = to;
  }
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 307 || status === 308;
}

/** The header field of W3C Trace Context. */
export const TRACEPARENT = 'traceparent';

/**
 * A field `traceparent` (W3C Trace Context): by it a service tells in its spans that they are of this trace. It asks for them to be
 * recorded. The same seed and label give the same ids.
 *
 * @param label what the requests are for
 */
export function traceparentFor(seed: string | undefined, label: string): string {
  const ids = seeded(seed ?? `${freshSeed()}/${freshSeed()}`).fork(`traceparent/${label}`);
  return `00-${ids.hex(16)}-${ids.hex(8)}-01`;
}

/** What goes to any origin: which of the other fields is a credential cannot be known. */
const HARMLESS = /^(accept|accept-language|user-agent|prefer|traceparent|tracestate|x-request-id)$/;

/** The header fields that may go to an address, and the names of those that must not: they were given for other origins. */
export function sendable(
  fields: Headers,
  url: string,
  homes: readonly string[],
): { readonly headers: Headers; readonly withheld: readonly string[] } {
  const headers = new Headers(fields);
  const withheld = homes.includes(new URL(url).origin) ? [] : [...fields.keys()].filter((name) => !HARMLESS.test(name));
  for (const name of withheld) headers.delete(name);
  return { headers, withheld };
}

/** A URL reference against its base (RFC 3986 §5); undefined if it is none. */
export function resolved(reference: string, base: string): string | undefined {
  const url = URL.parse(reference, base === '' ? undefined : base);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  // A fragment is never sent, and what names a user in an address from elsewhere is not to be trusted (RFC 9110 §4.2.4).
  url.hash = '';
  url.username = '';
  url.password = '';
  return url.href;
}

/** `GET http://host/path`, as messages name an exchange. */
export function nameOf(answer: { readonly method: string; readonly url: string }): string {
  return `${answer.method === '' ? 'the start' : answer.method} ${redactUrl(answer.url)}`.trim();
}

/** `503 Service Unavailable`, with the title of a problem document (RFC 9457) where there is one. */
export function statusLine(answer: Answer): string {
  const text = answer.statusText === '' ? (reasonPhrase(answer.status) ?? '') : cut(answer.statusText);
  const problem = problemOf(answer);
  return `${answer.status}${text === '' ? '' : ` ${text}`}${problem === undefined || problem === text ? '' : ` (${problem})`}`;
}

/** The address in a header field; undefined where there is none: an empty one would name the address that was asked. */
export function addressIn(answer: Answer, field: string): string | undefined {
  const address = answer.headers.get(field);
  return address === null || address === '' ? undefined : address;
}

/** The body as JSON where it is JSON, `null` included; as text otherwise. */
export function bodyOf(answer: Pick<Answer, 'json' | 'text'>): unknown {
  return answer.json === undefined ? answer.text : answer.json;
}

/** The most telling text of an error body: title and detail of a problem, `message` or `error` of the common shapes. */
export function problemOf({ json, text }: Pick<Answer, 'json' | 'text'>): string | undefined {
  if (typeof json === 'object' && json !== null) {
    const { title, detail, message, error } = json as Record<string, unknown>;
    const parts = [title, detail].filter((part) => typeof part === 'string');
    if (parts.length > 0) return cut(parts.join(': '));
    if (typeof message === 'string') return cut(message);
    if (typeof error === 'string') return cut(error);
    if (typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string')
      return cut(error.message);
    return undefined;
  }
  const line = text?.trim().split('\n', 1)[0];
  return line === undefined || line === '' || line.startsWith('<') ? undefined : line.slice(0, 200);
}

function cut(text: string): string {
  return text.length > MAX_PROBLEM_CHARACTERS ? `${text.slice(0, MAX_PROBLEM_CHARACTERS)}…` : text;
}

export { redactText as withoutSecrets } from '../trace/redact.ts';

/** An error that names no secret: itself, if it does not; what `fetch` throws may name the whole address. */
function withoutAddresses(error: unknown, depth = 0): unknown {
  if (!isError(error)) return error;
  // A message tells the cause, but no cause of a cause; and causes may go round in a circle.
  const cause = depth === 0 ? withoutAddresses(error.cause, 1) : undefined;
  const message = redactText(error.message);
  if (message === error.message && (depth > 0 || cause === error.cause)) return error;
  const clean = new Error(message, cause === undefined ? undefined : { cause });
  clean.name = error.name;
  return clean;
}

/** That no answer came, and why, as far as the error tells. */
export function noResponse(exchange: string, error: unknown): EventOf<'no-response'> {
  const cause = isError(error) && isError(error.cause) ? error.cause : error;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  const name = isError(error) ? error.name : '';
  const reason =
    name === 'AbortError'
      ? 'aborted'
      : name === 'TimeoutError' || /TIMEOUT|ETIMEDOUT/.test(code)
        ? 'timeout'
        : code === 'ECONNREFUSED'
          ? 'refused'
          : code === 'ECONNRESET' || code === 'UND_ERR_SOCKET'
            ? 'reset'
            : code === ''
              ? 'failed'
              : code;
  return {
    kind: 'no-response',
    exchange,
    reason,
    ...(isError(cause) && cause.message !== '' ? { message: redactText(cause.message) } : {}),
  };
}

interface Read {
  readonly response: Response;
  readonly bytes: Uint8Array;
  /** Whether this is all of the body. */
  readonly whole: boolean;
}

const NO_BYTES = new Uint8Array();

/** Content-Length is not relied on: of a compressed body it tells the length before it is unpacked. */
async function readBody(response: Response, signal?: AbortSignal): Promise<Read> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body !== null) {
    const reader = response.body.getReader();
    // Whoever answered need not know of the signal. A read that waits is ended by this.
    const stop = (): void => void reader.cancel(signal?.reason).catch(() => undefined);
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      chunks.push(chunk.value);
      size += chunk.value.length;
      if (size <= MAX_READ_BYTES) continue;
      // Not waited for: of a cloned body it is only given up once the other copy is too.
      reader.cancel().catch(() => undefined);
      break;
    }
    signal?.removeEventListener('abort', stop);
    if (signal?.aborted === true) throw signal.reason;
  }
  return {
    response,
    bytes: chunks.length === 1 ? chunks[0]! : chunks.length === 0 ? NO_BYTES : Buffer.concat(chunks),
    whole: size <= MAX_READ_BYTES,
  };
}

function answerOf({ response, bytes, whole }: Read, method: string, url: string, id: string, record: Recorder): Answer {
  const { status, statusText, headers } = response;
  const told = redactHeaders(headers);
  if (bytes.length === 0) {
    record({ kind: 'response', exchange: id, status, headers: told });
    return { method, url, status, statusText, headers, text: undefined, json: undefined };
  }
  const body = kept(bytes);
  record({ kind: 'response', exchange: id, status, headers: told, ...body });
  if (!whole) {
    const most = `${MAX_READ_BYTES} bytes, which is the most that is read`;
    throw new Error(`${nameOf({ method, url })} answered ${status} with a body of more than ${most}`);
  }
  const type = headers.get('content-type');
  const charset = charsetOf(type, bytes);
  const text =
    charset !== 'utf-8'
      ? decodeAs(charset, bytes)
      : typeof body.body === 'string' && body.truncated !== true
        ? body.body
        : decode(bytes);
  const json = text === undefined ? undefined : parseJson(text, type);
  const isJson = type === null ? text?.trimStart().startsWith('{') === true : IS_JSON.test(type);
  const broken =
    json !== undefined || !isJson
      ? undefined
      : text === undefined
        ? `whose bytes are not ${charset}`
        : `that cannot be parsed: ${show(text, 60)}`;
  return { method, url, status, statusText, headers, text, json, ...(broken === undefined ? {} : { broken }) };
}

/** Media types that are JSON (RFC 8259 §11, RFC 6839 §3.1). */
const IS_JSON = /[/+]json\b/i;

/** How the body is written: as a mark at its beginning says, else as its type does, else UTF-8 (RFC 8259 §8.1). */
function charsetOf(type: string | null, [first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  const named = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(type ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  return named === 'utf8' ? 'utf-8' : named;
}

/** Bytes as text; undefined where they are not written so, or where nobody here knows how. */
function decodeAs(charset: string, bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A body as a trace keeps it. */
export function kept(bytes: Uint8Array): { body: Body; truncated?: true } {
  const cut = bytes.length > MAX_BODY_BYTES;
  const head = cut ? bytes.subarray(0, MAX_BODY_BYTES) : bytes;
  // Cutting may split a character: what is left of it is dropped, rather than the whole shown as bytes.
  const text =
    decode(head) ??
    (cut ? [1, 2, 3].map((n) => decode(head.subarray(0, head.length - n))).find((t) => t !== undefined) : undefined);
  return { body: text ?? { base64: Buffer.from(head).toString('base64') }, ...(cut ? { truncated: true as const } : {}) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bytes as text; undefined where they are not UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** JSON by its media type (RFC 6839 `+json` included), or by its looks: an object is often sent under no type, or a wrong one. */
function parseJson(text: string, type: string | null): unknown {
  if (type !== null && !IS_JSON.test(type) && !text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
