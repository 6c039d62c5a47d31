import type { createServer, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HarnessError, show } from '../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/duration.ts';
import { plain } from '../trace/plain.ts';
import { redactHeaders, redactUrl } from '../trace/redact.ts';
import { stateIn } from '../trace/told.ts';
import type { Body, EventOf, Headers as HeaderList } from '../trace/index.ts';
import type { Channel, Message } from './channel.ts';
import { cloudEventIn, jsonOf, mediaType } from './cloudEvent.ts';
import { decode, kept } from './exchange.ts';
import { authority, listen, LOOPBACK } from './listen.ts';
import { Outlet, type OutletOptions } from './outlet.ts';
import {
  checkedSecrets,
  schemeOf,
  TOLERANCE_MS,
  type Checked,
  type Scheme,
  type Sealed,
  type SignatureScheme,
} from './signatures.ts';

/** The most bytes of one delivery, unless told otherwise. */
export const MAX_DELIVERY_BYTES = 1_048_576;
/** How long a sender may take for its header, and for its body, unless told otherwise, in milliseconds. */
export const DELIVERY_TIMEOUT_MS: Millis = 10_000;
/** How many deliveries `deliveries` keeps; older ones give way. The trace has its own bound. */
export const MAX_DELIVERIES = 10_000;
/** How long a sender that still sends after its refusal may go on to, in milliseconds, so that it gets to read it. */
const LINGER_MS: Millis = 1_000;
/** The most connections at a time; more are closed at once. */
const MAX_CONNECTIONS = 1_000;

/**
 * How a delivery is answered: a status, `timeout` for no answer at all, `hang-up` for a connection that is cut, or a status with
 * more to it.
 */
export type WebhookAnswer =
  | number
  | 'timeout'
  | 'hang-up'
  | {
      readonly status: number;
      /** How long the sender is asked to wait: sent as Retry-After, in whole seconds. */
      readonly retryAfter?: Duration | undefined;
      readonly headers?: Readonly<Record<string, string>> | undefined;
      readonly body?: string | undefined;
      /** How long the answer takes. */
      readonly after?: Duration | undefined;
    };

/** What came, and what became of it. */
export interface Delivery {
  /** Milliseconds since the receiver was made. */
  readonly at: Millis;
  /** The path it came to, with its query. */
  readonly path: string;
  readonly id: string | undefined;
  readonly type: string | undefined;
  /** In order, names in lower case, secrets replaced. */
  readonly headers: HeaderList;
  /** The body: as JSON where it is JSON, a CloudEvent with its attributes, else the text. */
  readonly data: unknown;
  /** The body as it came. */
  readonly raw: Body;
  /** How often this id has come, counted from 1. */
  readonly attempt: number;
  /** Why it was refused; undefined for one that was taken. */
  readonly refused: string | undefined;
  readonly answer: number | 'timeout' | 'hang-up';
}

export interface WebhookOptions extends OutletOptions {
  /** What deliveries are signed with; several while one is being replaced. Without it none is checked. */
  readonly secret?: string | readonly string[] | undefined;
  /** How they are signed: Standard Webhooks by default. */
  readonly scheme?: SignatureScheme | undefined;
  /** How far the moment that was signed may be from now, either way; 5 m by default. */
  readonly tolerance?: Duration | undefined;
  /**
   * What is done with a delivery that was taken before, byte for byte, its moment included: `refuse` (the default) as a replay,
   * or `take` as a repetition. A sender that tries again signs another moment.
   */
  readonly replays?: 'refuse' | 'take' | undefined;
  /** How genuine deliveries are answered, one after the other; 204 after the last of them. Or a function that says. */
  readonly answers?: readonly WebhookAnswer[] | ((delivery: Omit<Delivery, 'answer'>) => WebhookAnswer) | undefined;
  /** A free one by default. */
  readonly port?: number | undefined;
  /** Loopback by default. */
  readonly host?: string | undefined;
  /** The most bytes of one body; 1 MiB by default. */
  readonly maxBodyBytes?: number | undefined;
  /** How long a sender may take for its header, and for its body; 10 s by default. */
  readonly timeout?: Duration | undefined;
}

/** A receiver of webhooks. */
export interface Webhook extends Channel {
  /** Where to send to, without a slash at the end; every path below it is taken too. */
  readonly url: string;
  readonly port: number;
  /** What came, oldest first. */
  readonly deliveries: readonly Delivery[];
}

/**
 * Receives webhooks on loopback: every delivery is a message, with its signature checked on the raw bytes.
 *
 * What is forged, unsigned, too old or replayed is refused (401, or 400 where only its moment is wrong) and seen as an error.
 * What comes again is seen again, with its `attempt`, and tells no new state. CloudEvents are read in binary and structured
 * mode (HTTP binding 1.0), also the handshake of their webhooks. The exchange is recorded too, so that a sender may be judged
 * as a client: whether it waits as it was asked to, and stops when it should.
 *
 * @throws HarnessError `port-in-use`, `cannot-listen`, `invalid-port`, `invalid-secret`, `invalid-scheme`, `invalid-answer`,
 * `invalid-option`, `invalid-duration`
 *
 * @example
 * ```ts
 * import { webhook } from 'holdfast/probes';
 * const hook = await webhook({ answers: [503, 200] });
 * const send = () => fetch(hook.url, { method: 'POST', body: '{"type":"order.paid"}', headers: { 'webhook-id': 'msg_1' } });
 * const answers = [(await send()).status, (await send()).status, (await send()).status];
 * answers; // => [503, 200, 204]
 * hook.deliveries.map(({ type, attempt }) => [type, attempt]); // => [['order.paid', 1], ['order.paid', 2], ['order.paid', 3]]
 * await hook.close();
 * ```
 */
export async function webhook(options: WebhookOptions = {}): Promise<Webhook> {
  // It takes longer to load than all of this package, and most who import the probes open no webhook.
  const http = await import('node:http');
  const receiver = new Receiver(options, http.createServer);
  await receiver.listen();
  return receiver;
}

/** `hint` is for whoever made the receiver, and not told to the sender. */
type Refusal = { readonly status: number; readonly why: string; readonly hint?: string };
const NOT_SIGNED_SO =
  'if it is genuine: is { secret } the one it was signed with, and { scheme } its scheme? Sign the very bytes that are sent, not JSON that was written anew. What came is in hook.deliveries';
const BY_POST = 'point the sender at hook.url, by POST';
const HINTS = {
  forged: NOT_SIGNED_SO,
  unsigned: NOT_SIGNED_SO,
  malformed: NOT_SIGNED_SO,
  stale: "set both clocks right, and let the sender sign each try anew; webhook({ tolerance: '10m' }) allows more",
  replayed:
    "a sender that tries again signs anew (Standard Webhooks 1.0.0). One that sends the same bytes again is taken with webhook({ replays: 'take' })",
};
type Taken = Omit<Delivery, 'answer'>;

class Receiver extends Outlet implements Webhook {
  readonly deliveries: Delivery[] = [];
  #port: number;
  readonly #host: string;
  readonly #server: Server;
  readonly #scheme: Scheme;
  readonly #secrets: readonly string[];
  readonly #tolerance: Millis;
  readonly #timeout: Millis;
  readonly #maxBytes: number;
  readonly #refusesReplays: boolean;
  readonly #answers: WebhookOptions['answers'];
  readonly #leaving = new AbortController();
  readonly #reading = new WeakSet<Socket>();
  #exchanges = 0;
  #answered = 0;
  /** Attempts that were taken, and how often an id has come; both bounded, the oldest give way. */
  readonly #accepted = new Map<string, true>();
  readonly #times = new Map<string, number>();

  constructor(options: WebhookOptions, create: typeof createServer) {
    super(options, 'webhook');
    const { scheme = 'standard', replays = 'refuse', maxBodyBytes = MAX_DELIVERY_BYTES, answers } = options;
    this.#scheme = schemeOf(scheme);
    this.#secrets = checkedSecrets(options.secret, scheme, 'check');
    this.#tolerance = parseDuration(options.tolerance ?? TOLERANCE_MS, 'tolerance');
    this.#timeout = parseDuration(options.timeout ?? DELIVERY_TIMEOUT_MS, 'timeout');
    this.#maxBytes = checkCount('maxBodyBytes', maxBodyBytes);
    this.#refusesReplays = checkReplays(replays) === 'refuse';
    if (answers !== undefined && typeof answers !== 'function') for (const answer of answers) checkAnswer(answer);
    this.#answers = answers;
    this.#port = options.port ?? 0;
    this.#host = options.host ?? LOOPBACK;
    const slow = Math.max(1, this.#timeout);
    this.#server = create(
      // The body has a time of its own below, on the receiver's clock.
      { requestTimeout: 0, headersTimeout: slow, connectionsCheckingInterval: Math.max(50, Math.min(1_000, slow / 2)) },
      (incoming, outgoing) => void this.#take(incoming, outgoing),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#unread(error, socket));
  }

  async listen(): Promise<void> {
    this.#port = await listen(this.#server, this.#port, this.#host, 'webhook');
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${authority(this.#host, this.#port)}`;
  }

  protected async stop(): Promise<void> {
    this.#leaving.abort();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  /** What is no HTTP, or does not come to the end of its header. */
  #unread(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#leaving.signal.aborted || error.code === 'ECONNRESET') return void socket.destroy();
    // A body that breaks off is told where it is read.
    if (error.code === 'HPE_INVALID_EOF_STATE' && this.#reading.has(socket)) return void socket.destroy();
    const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    const why = late
      ? `a request whose header did not come to its end in ${formatDuration(this.#timeout)}`
      : `what is no request: ${error.message}`;
    const status = late ? '408 Request Timeout' : '400 Bad Request';
    this.record({
      ...{ kind: 'error', name: 'RefusedDelivery', message: `${this.name} was sent ${why}`, status: late ? 408 : 400 },
      hint: late ? 'webhook({ timeout }) allows more' : BY_POST,
    });
    if (socket.writable) socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    socket.destroySoon();
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const exchange = `${this.name}/${++this.#exchanges}`;
    outgoing.on('error', () => undefined);
    const { method = '', url: path = '/' } = incoming;
    const headers = redactHeaders(pairs(incoming.rawHeaders));
    const request: EventOf<'request'> = { kind: 'request', exchange, method, url: `${this.url}${redactUrl(path)}`, headers };
    if (method === 'OPTIONS' && incoming.headers['webhook-request-origin'] !== undefined)
      return this.#shake(request, incoming, outgoing);
    const refuse = (refusal: Refusal, body: Uint8Array, more: Readonly<Record<string, string>> = {}): void =>
      this.#refuse(request, path, refusal, body, outgoing, more);
    if (method !== 'POST')
      return refuse({ status: 405, why: `a webhook is sent by POST, not by ${show(method, 20)}`, hint: BY_POST }, NO_BYTES, {
        allow: 'POST',
      });
    const body = await this.#read(incoming);
    if (body === 'gone') {
      if (this.#leaving.signal.aborted) return;
      this.record(request);
      this.record({ kind: 'error', name: 'BrokenDelivery', message: `${name(request)} was cut off within its body` });
      return;
    }
    if (body === 'slow' || body === 'large') {
      const refusal =
        body === 'slow'
          ? {
              status: 408,
              why: `its body did not come to its end in ${formatDuration(this.#timeout)}`,
              hint: 'webhook({ timeout }) allows more',
            }
          : { status: 413, why: `its body has more than ${this.#maxBytes} bytes`, hint: 'webhook({ maxBodyBytes }) allows more' };
      refuse(refusal, NO_BYTES, { connection: 'close' });
      this.#linger(incoming, outgoing);
      return;
    }
    const sealed: Sealed = { header: (field) => valueOf(incoming, field), body };
    const checked: Checked =
      this.#secrets.length === 0
        ? { genuine: true, attempt: undefined }
        : this.#scheme.check(sealed, this.#secrets, this.clock.wall(), this.#tolerance);
    if (!checked.genuine)
      return refuse(
        {
          status: checked.fault === 'stale' ? 400 : 401,
          why: `it is ${checked.fault}: ${checked.why}`,
          hint: HINTS[checked.fault],
        },
        body,
        checked.fault === 'stale' ? {} : { 'www-authenticate': 'Webhook-Signature' },
      );
    if (this.#refusesReplays && checked.attempt !== undefined && this.#accepted.has(checked.attempt))
      return refuse(
        { status: 401, why: 'it is replayed: byte for byte what was taken before, its moment included', hint: HINTS.replayed },
        body,
      );
    const read = this.#open(sealed, incoming);
    if ('wrong' in read) return refuse({ status: 400, why: `it is ${read.wrong}` }, body);
    this.#deliver(request, path, read, body, checked.attempt, outgoing);
  }

  #deliver(
    request: EventOf<'request'>,
    path: string,
    { id, type, data }: { readonly id: string | undefined; readonly type: string | undefined; readonly data: unknown },
    body: Uint8Array,
    attempt: string | undefined,
    outgoing: ServerResponse,
  ): void {
    const times = id === undefined ? 1 : this.#count(id);
    const { body: raw, truncated } = kept(body);
    const { headers } = request;
    const taken: Taken = { at: this.trace.now(), path, id, type, headers, data, raw, attempt: times, refused: undefined };
    const message: Message = {
      kind: 'message',
      ...(id === undefined ? {} : { id }),
      ...(type === undefined ? {} : { type }),
      headers,
      // Bounded: the delivery has it whole.
      data: plain(data),
      raw,
      ...(truncated === undefined ? {} : { truncated }),
      attempt: times,
    };
    const told = this.told(message, times > 1);
    const keys = told[0]?.[1];
    this.record(request, keys);
    for (const [event, of] of told) this.record(event, of);
    let answer: WebhookAnswer;
    try {
      answer = this.#next(taken);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      this.record({ kind: 'error', name: 'InvalidChannel', message: `${this.name}: answers cannot be given: ${why}` }, keys);
      answer = 500;
    }
    const status = typeof answer === 'object' ? answer.status : answer;
    this.#keep({ ...taken, answer: status });
    if (typeof status === 'number' && status >= 200 && status <= 299 && attempt !== undefined)
      remember(this.#accepted, attempt, true);
    const { exchange } = request;
    if (status === 'timeout' || status === 'hang-up') {
      this.record({ kind: 'no-response', exchange, reason: status === 'timeout' ? 'timeout' : 'reset' }, keys);
      // Who gets no answer hangs up, or is cut when the receiver is closed.
      if (status === 'hang-up') outgoing.destroy();
      return;
    }
    const more = typeof answer === 'object' ? answer : undefined;
    const fields = {
      ...more?.headers,
      ...(more?.retryAfter === undefined
        ? {}
        : { 'retry-after': String(Math.ceil(parseDuration(more.retryAfter, 'retryAfter') / 1000)) }),
    };
    const reply = (): void => {
      this.record({ kind: 'response', exchange, status, headers: redactHeaders(Object.entries(fields)) }, keys);
      outgoing.writeHead(status, fields).end(more?.body);
    };
    const wait = more?.after === undefined ? 0 : parseDuration(more.after, 'after');
    if (wait === 0) return reply();
    void this.clock.sleep(wait, this.#leaving.signal).then(() => (this.#leaving.signal.aborted ? undefined : reply()));
  }

  #refuse(
    request: EventOf<'request'>,
    path: string,
    { status, why, hint }: Refusal,
    body: Uint8Array,
    outgoing: ServerResponse,
    fields: Readonly<Record<string, string>>,
  ): void {
    const { exchange, headers } = request;
    const { body: raw } = kept(body);
    this.record(request);
    const message = `${name(request)} was refused: ${why}`;
    const more = { ...(body.length === 0 ? {} : { body: raw }), ...(hint === undefined ? {} : { hint }) };
    this.record({ kind: 'error', name: 'RefusedDelivery', message, status, ...more });
    this.record({ kind: 'response', exchange, status, headers: redactHeaders(Object.entries(fields)) });
    const at = this.trace.now();
    this.#keep({
      at,
      path,
      id: undefined,
      type: undefined,
      headers,
      data: undefined,
      raw,
      attempt: 1,
      refused: why,
      answer: status,
    });
    outgoing.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...fields }).end(`${why}\n`);
  }

  /** Somebody asks whether it may send here (CloudEvents, HTTP webhook 1.0 §4). */
  #shake(request: EventOf<'request'>, incoming: IncomingMessage, outgoing: ServerResponse): void {
    const origin = valueOf(incoming, 'webhook-request-origin') ?? '*';
    const fields = { allow: 'POST', 'webhook-allowed-origin': origin, 'webhook-allowed-rate': '*' };
    this.record(request);
    this.record({ kind: 'response', exchange: request.exchange, status: 200, headers: Object.entries(fields) });
    outgoing.writeHead(200, fields).end();
  }

  /** What a genuine delivery tells. */
  #open(
    sealed: Sealed,
    incoming: IncomingMessage,
  ): { readonly id: string | undefined; readonly type: string | undefined; readonly data: unknown } | { readonly wrong: string } {
    const { header, body } = sealed;
    const event = cloudEventIn(sealed, Object.keys(incoming.headers));
    if (event !== undefined)
      return 'wrong' in event ? { wrong: String(event['wrong']) } : { id: event.id, type: event.type, data: event };
    const media = mediaType(header('content-type'));
    const json = jsonOf(body);
    if (json === undefined && /[/+]json$/.test(media)) return { wrong: `no JSON, though its Content-Type is ${show(media)}` };
    const data = json === undefined ? (body.byteLength === 0 ? undefined : decode(body)) : json;
    const told = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
    // The id beside a state is the id of what is in that state, which may tell many.
    const own = stateIn(json, { states: {}, field: undefined }) === undefined ? textOf(told['id']) : undefined;
    const id = header('webhook-id') ?? header('x-github-delivery') ?? own;
    const type = header('x-github-event') ?? textOf(told['type']);
    return { id, type, data };
  }

  #count(id: string): number {
    const times = (this.#times.get(id) ?? 0) + 1;
    remember(this.#times, id, times);
    return times;
  }

  #keep(delivery: Delivery): void {
    this.deliveries.push(delivery);
    if (this.deliveries.length > MAX_DELIVERIES) this.deliveries.shift();
  }

  #next(taken: Taken): WebhookAnswer {
    const answers = this.#answers;
    const answer = typeof answers === 'function' ? answers(taken) : (answers?.[this.#answered++] ?? 204);
    return checkAnswer(answer);
  }

  /** The body, within its bound and its time. */
  #read(incoming: IncomingMessage): Promise<Uint8Array | 'large' | 'slow' | 'gone'> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (outcome: Uint8Array | 'large' | 'slow' | 'gone'): void => {
        cancel();
        incoming.off('data', add).off('end', whole).off('close', gone).off('error', gone);
        if (outcome !== 'gone') this.#reading.delete(incoming.socket);
        // What is destroyed may still tell of an error.
        incoming.on('error', () => undefined);
        resolve(outcome);
      };
      const add = (chunk: Buffer): void => {
        size += chunk.byteLength;
        if (size > this.#maxBytes) return end('large');
        chunks.push(chunk);
      };
      const whole = (): void => end(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
      const gone = (): void => end('gone');
      const cancel = this.clock.after(this.#timeout, () => end('slow'));
      this.#reading.add(incoming.socket);
      incoming.on('data', add).on('end', whole).on('close', gone).on('error', gone);
    });
  }

  /** Lets a sender that still sends read its refusal, for a while. */
  #linger(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { socket } = outgoing;
    incoming.resume();
    const cancel = this.clock.after(LINGER_MS, () => socket?.destroy());
    if (socket === null || socket.destroyed) cancel();
    else socket.once('close', cancel);
  }
}

const NO_BYTES = new Uint8Array();

function name({ method, url }: EventOf<'request'>): string {
  return `${method} ${url}`;
}

function pairs(raw: readonly string[]): readonly (readonly [string, string])[] {
  const all: (readonly [string, string])[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) all.push([raw[i]!, raw[i + 1]!]);
  return all;
}

function valueOf(incoming: IncomingMessage, field: string): string | undefined {
  const value = incoming.headers[field];
  return Array.isArray(value) ? value[0] : value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** How many ids and attempts are remembered. */
const MAX_REMEMBERED = 10_000;

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  // Put at the end: it is the newest.
  known.delete(key);
  known.set(key, value);
  if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!);
}

function checkCount(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new HarnessError(
    'invalid-option',
    `${option}: expected a whole number from 1, received ${show(value)}`,
    'it is a number of bytes',
  );
}

function checkReplays(replays: string): string {
  if (replays === 'refuse' || replays === 'take') return replays;
  throw new HarnessError(
    'invalid-option',
    `replays: expected 'refuse' or 'take', received ${show(replays)}`,
    "'refuse' is the default",
  );
}

function checkAnswer(answer: WebhookAnswer): WebhookAnswer {
  const status: unknown = typeof answer === 'object' && answer !== null ? answer.status : answer;
  if (status === 'timeout' || status === 'hang-up') return answer;
  if (typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599) {
    if (typeof answer === 'object') {
      if (answer.retryAfter !== undefined) parseDuration(answer.retryAfter, 'retryAfter');
      if (answer.after !== undefined) parseDuration(answer.after, 'after');
    }
    return answer;
  }
  throw new HarnessError(
    'invalid-answer',
    `answers: expected a status from 200 to 599, 'timeout' or 'hang-up'; received ${show(status)}`,
    "write answers: [500, { status: 503, retryAfter: '2s' }, 'timeout', 200]",
  );
}
