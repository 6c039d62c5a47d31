import type { IncomingMessage, ServerResponse } from 'node:http';
import { HarnessError, show } from '../errors.ts';
import { systemClock, type Clock } from '../time/clock.ts';
import { isSecretHeader, redactHeaders, redactUrl } from '../trace/redact.ts';
import { MAX_BODY_BYTES, type Body, type Event, type EventOf } from '../trace/event.ts';
import type { Channel } from './channel.ts';
import { kept, noResponse } from './exchange.ts';
import { Recording } from './recording.ts';

/** `fetch` as clients call it. */
export type ClientFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
/** A server, or a part of one, as runtimes with `fetch` write it. */
export type FetchHandler = (request: Request) => Response | Promise<Response>;
/** A server as `http.createServer` takes it. */
export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void;

/** A request as `keys` is shown it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

export interface ExchangesOptions {
  /** What it is called in messages and in the trace; `exchanges` by default. */
  readonly name?: string | undefined;
  readonly clock?: Clock | undefined;
  /** What the recording `fetch` sends with; the global one by default. */
  readonly fetch?: ClientFetch | undefined;
  /**
   * Whose a request is: clients, callers and operations are told apart by it. A key that is (part of) a secret field's value is
   * not told, but numbered: `authorization 1`.
   */
  readonly keys?: ((request: SeenRequest) => string | readonly string[] | undefined) | undefined;
}

/** The places where exchanges are seen: on a client's side, or on its server's. */
export interface Tap {
  /** Sends what it is given, and records the request with its answer, or that none came. For the client under test. */
  readonly fetch: ClientFetch;
  /** A server that does as `handler` does, and is recorded. For a server that the client under test calls. */
  handler(handler: FetchHandler): (request: Request) => Promise<Response>;
  /** The same for `http.createServer`. The body of a request is left to the listener, and is not recorded. */
  listener(listener: NodeListener): NodeListener;
}

/** What was recorded: a subject by itself, and a source for an operation's `also`. */
export interface Exchanges extends Tap, Channel {
  readonly name: string;
  /** The same recorder for one client, caller or operation: all that is seen through it has these keys. */
  as(...keys: readonly string[]): Tap;
}

/**
 * Sees what a client under test sends, and what it is answered: by a `fetch` that records, or by a tap on the server that it calls.
 *
 * Requests, answers and missing answers become `request`, `response` and `no-response` events, with secrets replaced and bodies
 * bounded. The exchange itself is left as it is: the client gets its answer at the moment at which it would have had it, byte for
 * byte, and its own errors. What `fetch` follows by itself (redirects) is one exchange here; a tap on the server sees each.
 *
 * An answer is recorded once its body has come, at the latest when its client asks there again; a stream, when it begins.
 *
 * @throws HarnessError `invalid-exchanges`
 *
 * @example
 * ```ts
 * import { check } from 'holdfast';
 * import { honourRetryAfter } from 'holdfast/logic';
 * import { exchanges } from 'holdfast/probes';
 * const seen = exchanges({ fetch: async () => Response.json({ status: 'running' }, { headers: { 'retry-after': '2' } }) });
 * // A client that does not wait.
 * for (let i = 0; i < 2; i++) await (await seen.fetch('http://api.test/operations/1')).json();
 * await seen.close();
 * check(seen.trace, honourRetryAfter()).verdict; // => 'violated'
 * ```
 */
export function exchanges(options: ExchangesOptions = {}): Exchanges {
  for (const name of ['fetch', 'keys'] as const) {
    if (options[name] === undefined || typeof options[name] === 'function') continue;
    throw new HarnessError(
      'invalid-exchanges',
      `exchanges: expected ${name} to be a function, received ${show(options[name])}`,
      "write it as in exchanges({ fetch: client.fetch, keys: ({ headers }) => headers.get('x-client') ?? undefined })",
    );
  }
  return new Recorder(options);
}

class Recorder extends Recording implements Exchanges {
  readonly fetch: ClientFetch;
  readonly #tap: Tap;
  readonly #options: ExchangesOptions;
  /** Answers whose bodies are still on their way, by whom they were given. */
  readonly #coming = new Map<string, Set<Answered>>();
  /** Secrets that told clients apart, each by the name that it is told by. */
  readonly #secrets = new Map<string, string>();
  #count = 0;

  constructor(options: ExchangesOptions) {
    super(options.name ?? 'exchanges', options.clock ?? systemClock);
    this.#options = options;
    this.#tap = this.as();
    this.fetch = this.#tap.fetch;
  }

  as(...own: readonly string[]): Tap {
    return {
      fetch: (input, init) => this.#fetched(own, input, init),
      handler: (handler) => (request) => this.#handled(own, handler, request),
      listener: (listener) => (request, response) => this.#listened(own, listener, request, response),
    };
  }

  handler(handler: FetchHandler): (request: Request) => Promise<Response> {
    return this.#tap.handler(handler);
  }

  listener(listener: NodeListener): NodeListener {
    return this.#tap.listener(listener);
  }

  override close(): Promise<void> {
    for (const answers of this.#coming.values()) for (const answer of answers) answer.tell();
    return super.close();
  }

  async #fetched(own: readonly string[], input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const send = this.#options.fetch ?? globalThis.fetch;
    // What cannot be sent is the client's own mistake, and told by its fetch.
    const seen = seenRequest(input, init);
    if (seen === undefined) return send(input, init);
    const body = input instanceof Request && (init?.body ?? null) === null ? await headOf(input) : sentBody(init?.body);
    const exchange = this.#requested(own, seen, body);
    let response: Response;
    try {
      response = await send(input, init);
    } catch (error) {
      this.record(noResponse(exchange.id, error), exchange.keys);
      throw error;
    }
    return this.#answered(exchange, response);
  }

  async #handled(own: readonly string[], handler: FetchHandler, request: Request): Promise<Response> {
    const exchange = this.#requested(own, request, await headOf(request));
    let isOver = false;
    const gone = (): void => {
      if (isOver) return;
      isOver = true;
      this.record(hungUp(exchange.id), exchange.keys);
    };
    request.signal.addEventListener('abort', gone, { once: true });
    if (request.signal.aborted) gone();
    try {
      const response = await handler(request);
      if (isOver) return response;
      isOver = true;
      return this.#answered(exchange, response);
    } catch (error) {
      if (!isOver) this.record(noResponse(exchange.id, error), exchange.keys);
      isOver = true;
      throw error;
    } finally {
      request.signal.removeEventListener('abort', gone);
    }
  }

  #listened(own: readonly string[], listener: NodeListener, request: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers, rawHeaders } = request;
    const scheme = 'encrypted' in request.socket ? 'https' : 'http';
    const fields = new Headers();
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) fields.append(rawHeaders[i]!, rawHeaders[i + 1]!);
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
    const address = url.startsWith('/') ? `${scheme}://${headers.host ?? 'localhost'}${url}` : url;
    const exchange = this.#requested(own, { method, url: address, headers: fields }, hasBody ? { truncated: true } : {});
    const tell = (event: Event): void => this.record(event, exchange.keys);
    tapResponse(response, this.clock, exchange.id, tell);
    listener(request, response);
  }

  #requested(own: readonly string[], { method, url, headers }: SeenRequest, body: BodyHead): Exchange {
    const keys = [...own, ...this.#keysOf({ method, url, headers })];
    const id = `${this.name}/${this.#count++}`;
    const whom = `${keys.join(' ')} ${url}`;
    // Who asks again has had the answer before, whether its body was read or not.
    for (const answer of this.#coming.get(whom) ?? []) answer.tell();
    this.record({ kind: 'request', exchange: id, method, url: redactUrl(url), headers: redactHeaders(headers), ...body }, keys);
    return { id, keys, whom };
  }

  /** The answer for the client. */
  #answered({ id, keys, whom }: Exchange, response: Response): Response {
    const answer = new Answered(response, id, (event) => this.record(event, keys));
    if (answer.isTold) return response;
    const coming = this.#coming.get(whom) ?? new Set();
    this.#coming.set(whom, coming.add(answer));
    return answer.passedOn(response, () => {
      coming.delete(answer);
      if (coming.size === 0) this.#coming.delete(whom);
    });
  }

  #keysOf(request: SeenRequest): readonly string[] {
    const told: unknown = this.#options.keys?.(request) ?? [];
    const list: unknown = typeof told === 'string' ? [told] : told;
    if (!Array.isArray(list) || !list.every((key) => typeof key === 'string')) {
      throw new HarnessError(
        'invalid-channel',
        `keys: expected a text, a list of texts or nothing for a request, received ${show(told)}`,
        "name the client, as in keys: ({ headers }) => headers.get('x-client') ?? undefined",
      );
    }
    return (list as readonly string[]).map((key) => this.#withoutSecret(key, request.headers));
  }

  #withoutSecret(key: string, headers: Headers): string {
    if (key === '') return key;
    for (const [name, value] of headers) {
      if (!isSecretHeader(name) || !value.includes(key)) continue;
      const told = this.#secrets.get(key) ?? `${name} ${this.#secrets.size + 1}`;
      this.#secrets.set(key, told);
      return told;
    }
    return key;
  }
}

interface Exchange {
  readonly id: string;
  readonly keys: readonly string[];
  /** Who asked whom. */
  readonly whom: string;
}

/** As much of a body as is kept; `truncated` where there was more, or where it is not known. */
interface BodyHead {
  readonly body?: Body;
  readonly truncated?: true;
}

/** Media types whose body goes on as long as there is news. */
const STREAMS = /^(text\/event-stream|multipart\/x-mixed-replace|application\/(x-ndjson|jsonl|json-seq|stream\+json))\b/i;

/** An answer on its way to its client, to be told once: when its body has come, or when it must be told as it is. */
class Answered {
  isTold = false;
  readonly #told: Omit<EventOf<'response'>, 'body' | 'truncated'>;
  readonly #record: (event: Event) => void;
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(response: Response, exchange: string, record: (event: Event) => void) {
    const { status, headers, body } = response;
    this.#told = { kind: 'response', exchange, status, headers: redactHeaders(headers) };
    this.#record = record;
    if (body === null) this.#tell({});
    else if (STREAMS.test(headers.get('content-type') ?? '') || body.locked) this.#tell({ truncated: true });
  }

  /** Tells it with what has come by now. */
  tell(): void {
    this.#tell({ ...this.#body(), truncated: true });
  }

  /**
   * The same answer, whose body comes by here: what is kept of it is read ahead, the rest when its client reads it, and whoever
   * gives it up gives up the whole. A copy beside it (`clone`) would see it later than its client, and go on where that gives up.
   */
  passedOn(response: Response, over: () => void): Response {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const body = new ReadableStream(
      {
        type: 'bytes',
        pull: async (controller) => {
          try {
            let chunk = await reader.read();
            while (!chunk.done && chunk.value.length === 0) chunk = await reader.read();
            if (chunk.done) {
              this.#tell(this.#body());
              over();
              controller.close();
              controller.byobRequest?.respond(0);
            } else {
              this.#keep(chunk.value);
              controller.enqueue(chunk.value);
            }
          } catch (error) {
            // An answer that broke off is none that anybody had.
            if (!this.isTold) this.#record(noResponse(this.#told.exchange, error));
            this.isTold = true;
            over();
            controller.error(error);
          }
        },
        cancel: (reason) => {
          this.tell();
          over();
          return reader.cancel(reason);
        },
      },
      { highWaterMark: MAX_BODY_BYTES },
    );
    const { status, statusText, headers, url, redirected, type } = response;
    const passed = new Response(body, { status, statusText, headers });
    for (const [name, value] of Object.entries({ url, redirected, type })) Object.defineProperty(passed, name, { value });
    return passed;
  }

  #keep(chunk: Uint8Array): void {
    if (this.isTold) return;
    // What is handed on is no longer ours to read.
    this.#chunks.push(chunk.slice());
    this.#size += chunk.length;
    if (this.#size > MAX_BODY_BYTES) this.#tell(this.#body());
  }

  #body(): BodyHead {
    return this.#size === 0 ? {} : kept(Buffer.concat(this.#chunks));
  }

  #tell(body: BodyHead): void {
    if (this.isTold) return;
    this.isTold = true;
    this.#record({ ...this.#told, ...body });
    this.#chunks.length = 0;
  }
}

/** A request as it will be sent; undefined for what is none. */
function seenRequest(input: string | URL | Request, init: RequestInit | undefined): SeenRequest | undefined {
  try {
    const given = input instanceof Request ? input : undefined;
    const method = (init?.method ?? given?.method ?? 'GET').toUpperCase();
    const url = new URL(input instanceof Request ? input.url : input);
    return { method, url: url.href, headers: new Headers(init?.headers ?? given?.headers) };
  } catch {
    return undefined;
  }
}

/** A body that is given whole; of any other, such as a form or a stream, it is told that there is one. */
function sentBody(body: RequestInit['body']): BodyHead {
  if (body === undefined || body === null) return {};
  if (typeof body === 'string' || body instanceof URLSearchParams) return kept(new TextEncoder().encode(String(body)));
  if (body instanceof ArrayBuffer) return kept(new Uint8Array(body));
  if (ArrayBuffer.isView(body)) return kept(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  return { truncated: true };
}

/** The beginning of a request's body, with the request left to be read. */
async function headOf(request: Request): Promise<BodyHead> {
  if (request.body === null) return {};
  if (request.bodyUsed || request.body.locked) return { truncated: true };
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const reader = request.clone().body!.getReader();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      chunks.push(chunk.value);
      size += chunk.value.length;
      if (size <= MAX_BODY_BYTES) continue;
      reader.cancel().catch(() => undefined);
      break;
    }
  } catch {
    // Who sends it hung up meanwhile.
    return { ...(size === 0 ? {} : kept(Buffer.concat(chunks))), truncated: true };
  }
  return size === 0 ? {} : kept(Buffer.concat(chunks));
}

function hungUp(exchange: string): EventOf<'no-response'> {
  return { kind: 'no-response', exchange, reason: 'aborted', message: 'the client hung up before it was answered' };
}

/** The parts of a response that are called from outside, and by each other. */
interface Written {
  writeHead: (...args: unknown[]) => unknown;
  write: (...args: unknown[]) => unknown;
  end: (...args: unknown[]) => unknown;
}

/** Sees what is written to a response. It is told when it ends, before anybody can have read it, or when its client hangs up. */
function tapResponse(response: ServerResponse, clock: Clock, exchange: string, record: (event: Event) => void): void {
  const written = response as unknown as Written;
  const { writeHead, write, end } = written;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let isTold = false;
  const tell = (body: BodyHead): void => {
    if (isTold) return;
    isTold = true;
    const headers = Object.entries(response.getHeaders()).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as const),
    );
    record({ kind: 'response', exchange, status: response.statusCode, headers: redactHeaders(headers), ...body });
  };
  const keep = (chunk: unknown, encoding: unknown): void => {
    if (size > MAX_BODY_BYTES || (typeof chunk !== 'string' && !(chunk instanceof Uint8Array))) return;
    const bytes =
      typeof chunk === 'string'
        ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
        : chunk;
    chunks.push(bytes.slice());
    size += bytes.length;
  };
  written.writeHead = (...args) => {
    // The server would add it on its way out, where it is not seen; and a Retry-After that is a date counts from it.
    if (response.sendDate && !response.hasHeader('date')) response.setHeader('date', new Date(clock.wall()).toUTCString());
    const result = Reflect.apply(writeHead, response, args);
    if (STREAMS.test(String(response.getHeader('content-type') ?? ''))) tell({ truncated: true });
    return result;
  };
  written.write = (...args) => {
    keep(args[0], args[1]);
    return Reflect.apply(write, response, args);
  };
  written.end = (...args) => {
    keep(args[0], args[1]);
    const result = Reflect.apply(end, response, args);
    if (!response.destroyed) tell(size === 0 ? {} : kept(Buffer.concat(chunks)));
    return result;
  };
  response.once('close', () => {
    if (isTold) return;
    isTold = true;
    record(hungUp(exchange));
  });
}
