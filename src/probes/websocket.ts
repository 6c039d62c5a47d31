import { HarnessError, show } from '../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/duration.ts';
import type { Clock } from '../time/index.ts';
import { plain } from '../trace/plain.ts';
import { redactUrl } from '../trace/redact.ts';
import { stateIn } from '../trace/told.ts';
import type { OpenContext, Push } from '../watch/index.ts';
import { tell, type ChannelOptions, type Message } from './channel.ts';
import { kept, withoutSecrets, type HeaderFields } from './exchange.ts';
import { checkedHeaders } from './httpStatus.ts';
import { OPENING_MS, read, RECONNECT_MS } from './sse.ts';

/** The most bytes of one message, unless told otherwise. */
const MAX_MESSAGE_BYTES = 1_048_576;
/** The longest wait before coming back to one that keeps failing, in milliseconds. */
const MAX_RECONNECT_MS: Millis = 30_000;
/** How long a server gets to answer that the connection is closed, in milliseconds, before it is cut. */
const CLOSING_MS: Millis = 250;

/** What is sent: a text as it is, bytes, or a value as JSON. */
export type WebSocketData = string | Uint8Array | object;

export interface WebSocketOptions extends ChannelOptions {
  /** Sent with the request that opens it. */
  readonly headers?: HeaderFields | undefined;
  readonly protocols?: readonly string[] | undefined;
  /** Sent once it is open, each time. */
  readonly send?: readonly WebSocketData[] | undefined;
  /** What is sent when it is open again, instead of `send`: given what was told last, so that the server can go on from there. */
  readonly resume?: ((last: Message | undefined) => WebSocketData | readonly WebSocketData[] | undefined) | undefined;
  /** Whether to come back when it breaks: it does, unless it is `false`. A server that closes it in order (1000) has ended it. */
  readonly reconnect?: boolean | undefined;
  /** The longest silence: after it an error is seen and it is opened anew. Without it, none is too long. */
  readonly silence?: Duration | undefined;
  /** The most bytes of one message; 1 MiB by default. A larger one breaks the connection, with an error. */
  readonly maxMessageBytes?: number | undefined;
}

/**
 * Sees by a WebSocket (RFC 6455): each message is one, text or binary, read as JSON where it is JSON. By the optional peer `ws`,
 * since the platform's own cannot bound a message, nor cut a connection whose server does not answer that it is closed.
 *
 * @param url the absolute address, `ws:` or `wss:`
 * @throws HarnessError `invalid-url`, `invalid-headers`, `invalid-duration`, `invalid-option`; `not-installed` when it is opened
 *
 * @example
 * ```ts
 * import { closeSubject, subject, watch } from 'holdfast';
 * import { demoApp, serve } from 'holdfast/demo';
 * import { formula, eventually, is } from 'holdfast/logic';
 * import { websocket } from 'holdfast/probes';
 * const server = await serve(demoApp({ work: '20ms' }));
 * const feed = subject([websocket(`${server.url.replace('http', 'ws')}/feed`, { send: [{}] })]);
 * const started = await fetch(`${server.url}/reports`, { method: 'POST' });
 * const judgement = await watch(feed, formula({ formula: eventually(is({ kind: 'message' })) }));
 * judgement.verdict; // => 'holds'
 * await closeSubject(feed);
 * await server.close();
 * ```
 */
export function websocket(url: string, options: WebSocketOptions = {}): Push {
  const parsed = URL.parse(url);
  if (
    parsed === null ||
    (parsed.protocol !== 'ws:' && parsed.protocol !== 'wss:') ||
    parsed.username !== '' ||
    parsed.hash !== ''
  ) {
    throw new HarnessError(
      'invalid-url',
      `websocket: expected an absolute ws or wss URL without user and fragment, received ${show(typeof url === 'string' ? redactUrl(url) : url)}`,
      "write it whole, as in 'ws://127.0.0.1:8080/feed', with credentials in { headers }",
    );
  }
  const { maxMessageBytes: limit = MAX_MESSAGE_BYTES, resume, protocols = [] } = options;
  if (!Array.isArray(protocols) || !protocols.every(isToken) || new Set(protocols).size < protocols.length)
    throw new HarnessError(
      'invalid-option',
      `protocols: expected a list of different names of letters, digits and dashes, received ${show(protocols)} (RFC 6455 §4.1)`,
      "write protocols: ['graphql-transport-ws']",
    );
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new HarnessError(
      'invalid-option',
      `maxMessageBytes: expected a whole number from 1, received ${show(limit)}`,
      'it is a number of bytes',
    );
  if (resume !== undefined && typeof resume !== 'function')
    throw new HarnessError(
      'not-a-function',
      `resume: expected a function that says what to send, received ${show(resume)}`,
      'write it as in resume: (last) => ({ from: last?.id })',
    );
  const settings = {
    url: parsed.href,
    headers: Object.fromEntries(checkedHeaders(options.headers, 'headers')),
    silence: options.silence === undefined ? undefined : parseDuration(options.silence, 'silence'),
    limit,
  };
  return {
    name: options.name ?? 'websocket',
    stateless: options.state === false,
    async open(context) {
      const listening = new Listening(context, options, settings, await library());
      const done = listening.run();
      done.catch(() => undefined);
      const leave = (): void => void listening.stop(done);
      context.signal?.addEventListener('abort', leave, { once: true });
      await listening.ready;
      context.signal?.removeEventListener('abort', leave);
      return { done, [Symbol.asyncDispose]: () => listening.stop(done) };
    },
  };
}

interface Settings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly silence: Millis | undefined;
  readonly limit: number;
}

/** What of the peer is used. */
interface Socket {
  binaryType: string;
  on(event: string, listener: (...args: never[]) => void): unknown;
  send(data: string | Uint8Array): void;
  close(code?: number): void;
  terminate(): void;
}
type Library = new (
  url: string,
  protocols: readonly string[],
  options: { headers: Readonly<Record<string, string>>; maxPayload: number; perMessageDeflate: false; followRedirects: false },
) => Socket;

const library = async (): Promise<Library> => {
  try {
    return (await import('ws')).default as unknown as Library;
  } catch (error) {
    throw new HarnessError('not-installed', 'a WebSocket is read by ws, which is not installed', 'npm install ws', {
      cause: error,
    });
  }
};

type Ended = { readonly again: boolean; readonly failed: boolean };

/** One who listens, over as many connections as it takes. */
class Listening {
  readonly ready: Promise<void>;
  readonly #clock: Clock;
  readonly #record: OpenContext['record'];
  readonly #options: WebSocketOptions;
  readonly #settings: Settings;
  readonly #library: Library;
  readonly #name: string;
  readonly #leaving = new AbortController();
  #isReady!: () => void;
  #opened = 0;
  #last: Message | undefined;
  #failure: string | undefined;

  constructor(context: OpenContext, options: WebSocketOptions, settings: Settings, given: Library) {
    this.#clock = context.clock;
    this.#record = (event, keys) => context.record(event, keys);
    this.#options = options;
    this.#settings = settings;
    this.#library = given;
    this.#name = options.name ?? 'websocket';
    this.ready = new Promise((resolve) => (this.#isReady = resolve));
  }

  async run(): Promise<void> {
    const { signal } = this.#leaving;
    const cancel = this.#clock.after(OPENING_MS, () => {
      this.#record({ kind: 'note', text: `${this.#name} has not opened in ${formatDuration(OPENING_MS)}; it is waited for` });
      this.#isReady();
    });
    const ready = (): void => {
      cancel();
      this.#isReady();
    };
    try {
      for (let failures = 0; !signal.aborted;) {
        const ended = await this.#connection(ready);
        ready();
        if (!ended.again || this.#options.reconnect === false || signal.aborted) return;
        failures = ended.failed ? failures + 1 : 0;
        await this.#clock.sleep(Math.min(RECONNECT_MS * 2 ** Math.min(Math.max(0, failures - 1), 20), MAX_RECONNECT_MS), signal);
      }
    } finally {
      ready();
    }
  }

  async stop(done: Promise<void>): Promise<void> {
    this.#leaving.abort();
    await done;
  }

  /** One connection, from its request to its end. */
  #connection(ready: () => void): Promise<Ended> {
    const { url, headers, silence, limit } = this.#settings;
    const { signal } = this.#leaving;
    return new Promise((resolve) => {
      const socket = new this.#library(url, this.#options.protocols ?? [], {
        headers,
        maxPayload: limit,
        perMessageDeflate: false,
        followRedirects: false,
      });
      let [isOpen, silent, refused, broken] = [false, false, false, false];
      let [cancel, cut] = [(): void => undefined, (): void => undefined];
      const end = (ended: Ended): void => {
        cancel();
        cut();
        signal.removeEventListener('abort', leave);
        resolve(ended);
      };
      const leave = (): void => {
        cancel();
        if (!isOpen) return socket.terminate();
        socket.close(1000);
        cut = this.#clock.after(CLOSING_MS, () => socket.terminate());
      };
      const heard = (): void => {
        cancel();
        if (silence === undefined || signal.aborted) return;
        cancel = this.#clock.after(silence, () => {
          silent = true;
          this.#error(`${this.#name} has been silent for ${formatDuration(silence)}`, 'SilentStream', { always: true });
          socket.terminate();
        });
      };
      signal.addEventListener('abort', leave, { once: true });
      socket.on('open', () => {
        isOpen = true;
        // Whoever waits is told that silence is silence again.
        if (this.#failure !== undefined) this.#record({ kind: 'note', text: `${this.#name} listens again` });
        this.#failure = undefined;
        this.#greet(socket);
        heard();
        ready();
      });
      socket.on('message', (data: Uint8Array, isBinary: boolean) => {
        heard();
        this.#told(data, isBinary);
      });
      socket.on('unexpected-response', (_request: unknown, response: { statusCode?: number; resume(): void }) => {
        const status = response.statusCode ?? 0;
        refused = status < 500 && status !== 429;
        response.resume();
        const what = refused ? 'is a WebSocket that is not one: expected 101' : 'did not open: expected 101';
        this.#error(`GET ${redactUrl(url)} ${what}, received the status ${status}`, refused ? 'NotAStream' : 'BrokenStream', {
          status,
          ...(refused
            ? {
                hint: `is it the right address, does it speak WebSocket, and does it need { headers }? It answered ${status} in place of 101`,
              }
            : {}),
        });
        socket.terminate();
      });
      socket.on('error', (error: Error) => {
        if (signal.aborted || silent || refused) return;
        broken = true;
        this.#error(`${this.#name} broke off: ${withoutSecrets(error.message || codeOf(error))}`, 'BrokenStream');
      });
      socket.on('close', (code: number, reason: Uint8Array) => {
        if (signal.aborted || refused) return end({ again: false, failed: false });
        // In order (RFC 6455 §7.4.1), or for a reason that another try does not mend.
        if (isOpen && code === 1000) return end({ again: false, failed: false });
        // Without a word.
        if (isOpen && !silent && !broken && code === 1006) this.#error(`${this.#name} was cut off`, 'BrokenStream');
        if (isOpen && !silent && code !== 1006) {
          const why = Buffer.from(reason).toString('utf8');
          this.#error(`${this.#name} was closed with ${code}${why === '' ? '' : `: ${withoutSecrets(why)}`}`, 'BrokenStream');
          if (code === 1008 || code === 1009 || code >= 4000) return end({ again: false, failed: true });
        }
        end({ again: true, failed: !isOpen });
      });
      if (signal.aborted) leave();
      // One that is never opened is silent too.
      else heard();
    });
  }

  #greet(socket: Socket): void {
    const { send = [], resume } = this.#options;
    let greeting: readonly WebSocketData[] = send;
    try {
      if (this.#opened++ > 0 && resume !== undefined) {
        const given = resume(this.#last) ?? [];
        greeting = Array.isArray(given) ? (given as readonly WebSocketData[]) : [given];
      }
      for (const data of greeting)
        socket.send(typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data));
    } catch (error) {
      this.#error(
        `${this.#name}: what resume gave cannot be sent: ${error instanceof Error ? error.message : show(error)}`,
        'InvalidChannel',
      );
    }
  }

  #told(bytes: Uint8Array, isBinary: boolean): void {
    const data = isBinary ? undefined : plain(read(Buffer.from(bytes).toString('utf8')));
    const told = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
    const { type } = told;
    // The id beside a state is the id of what is in that state.
    const id = stateIn(data, { states: {}, field: undefined }) === undefined ? told['id'] : undefined;
    const message: Message = {
      kind: 'message',
      ...(typeof id === 'string' && id !== '' ? { id } : {}),
      ...(typeof type === 'string' && type !== '' ? { type } : {}),
      ...(isBinary ? binary(bytes) : { data }),
    };
    this.#last = message;
    try {
      tell(this.#record, message, this.#options);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      this.#record({
        kind: 'error',
        name: 'InvalidChannel',
        message: `${this.#name}: what it was told could not be read: ${why}`,
      });
    }
  }

  /** @param more.always also when the same was told just before */
  #error(message: string, name: string, more: { always?: true; status?: number; hint?: string } = {}): void {
    const { always, ...rest } = more;
    if (always !== true && this.#failure === message) return;
    this.#failure = message;
    this.#record({ kind: 'error', name, message, ...rest });
  }
}

/** RFC 9110 §5.6.2. */
function isToken(name: unknown): boolean {
  return typeof name === 'string' && /^[!#$%&'*+.^_`|~\w-]+$/.test(name);
}

function binary(bytes: Uint8Array): Pick<Message, 'raw' | 'truncated'> {
  const { body, truncated } = kept(bytes);
  const raw = typeof body === 'string' ? { base64: Buffer.from(body).toString('base64') } : body;
  return truncated === undefined ? { raw } : { raw, truncated };
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
