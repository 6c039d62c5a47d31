import { MAX_BODY_BYTES, redactHeaders, redactUrl, type Body, type Event, type EventOf } from '../trace/index.ts';

/** A `fetch`, or anything that is called like it. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Header fields as `new Headers()` takes them. */
export type HeaderFields = NonNullable<ConstructorParameters<typeof Headers>[0]>;

/** How many bytes of one body are read at all; more makes the look fail. */
export const MAX_READ_BYTES: number = 8 * 1024 * 1024;

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
  try {
    const response = await fetch(url, init);
    return await readAnswer(response, method, url, id, record);
  } catch (error) {
    record(noResponse(id, error));
    throw error;
  }
}

/** Reads and records an answer that somebody else asked for. */
export async function readAnswer(response: Response, method: string, url: string, id: string, record: Recorder): Promise<Answer> {
  const { status, statusText, headers } = response;
  const bytes = response.body === null ? undefined : await readBody(response, response.body);
  const told = redactHeaders(headers);
  if (bytes === undefined || bytes.length === 0) {
    record({ kind: 'response', exchange: id, status, headers: told });
    return { method, url, status, statusText, headers, text: undefined, json: undefined };
  }
  const body = kept(bytes);
  record({ kind: 'response', exchange: id, status, headers: told, ...body });
  const text = typeof body.body === 'string' && body.truncated !== true ? body.body : decode(bytes);
  return {
    method,
    url,
    status,
    statusText,
    headers,
    text,
    json: text === undefined ? undefined : parseJson(text, headers.get('content-type')),
  };
}

/** `GET http://host/path`, as messages name an exchange. */
export function nameOf(answer: { readonly method: string; readonly url: string }): string {
  return `${answer.method === '' ? 'the start' : answer.method} ${redactUrl(answer.url)}`.trim();
}

/** `503 Service Unavailable`, with the title of a problem document (RFC 9457) where there is one. */
export function statusLine(answer: Answer): string {
  const text = answer.statusText === '' ? (PHRASES[answer.status] ?? '') : answer.statusText;
  const problem = problemOf(answer);
  return `${answer.status}${text === '' ? '' : ` ${text}`}${problem === undefined || problem === text ? '' : ` (${problem})`}`;
}

/** The most telling text of an error body: title and detail of a problem, `message` or `error` of the common shapes. */
export function problemOf(answer: { readonly json: unknown; readonly text: string | undefined }): string | undefined {
  const { json, text } = answer;
  if (typeof json === 'object' && json !== null) {
    const { title, detail, message, error } = json as Record<string, unknown>;
    const parts = [title, detail].filter((part) => typeof part === 'string');
    if (parts.length > 0) return parts.join(': ');
    if (typeof message === 'string') return message;
    if (typeof error === 'string') return error;
    if (typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string')
      return error.message;
    return undefined;
  }
  const line = text?.trim().split('\n', 1)[0];
  return line === undefined || line === '' || line.startsWith('<') ? undefined : line.slice(0, 200);
}

const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  303: 'See Other',
  304: 'Not Modified',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

function noResponse(exchange: string, error: unknown): EventOf<'no-response'> {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  const name = error instanceof Error ? error.name : '';
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
    ...(cause instanceof Error && cause.message !== '' ? { message: cause.message } : {}),
  };
}

async function readBody(response: Response, body: NonNullable<Response['body']>): Promise<Uint8Array> {
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  if (length <= MAX_READ_BYTES) return new Uint8Array(await response.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_READ_BYTES) throw new Error(`the body is larger than the ${MAX_READ_BYTES} bytes that are read`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function kept(bytes: Uint8Array): { body: Body; truncated?: true } {
  const cut = bytes.length > MAX_BODY_BYTES;
  const head = cut ? bytes.subarray(0, MAX_BODY_BYTES) : bytes;
  // Cutting may split a character: what is left of it is dropped, rather than the whole shown as bytes.
  const text =
    decode(head) ??
    (cut ? [1, 2, 3].map((n) => decode(head.subarray(0, head.length - n))).find((t) => t !== undefined) : undefined);
  return { body: text ?? { base64: Buffer.from(head).toString('base64') }, ...(cut ? { truncated: true as const } : {}) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** JSON by its media type (RFC 6839 `+json` included), or by its looks where no type is given. */
function parseJson(text: string, type: string | null): unknown {
  if (type !== null && !/[/+]json\b/i.test(type)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
