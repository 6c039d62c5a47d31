import { setMaxListeners } from 'node:events';
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { HarnessError, show } from '../errors.ts';
import { systemClock, type Clock, type Millis } from '../time/index.ts';
import type { DemoApp } from './app.ts';
import { MAX_BODY_BYTES } from './body.ts';
import { problem, type Problem } from './problem.ts';
import { MAX_MESSAGE_BYTES, type Talk, type Wire } from './socket.ts';

/** How long a client may take to send its request, in milliseconds. */
const REQUEST_TIMEOUT_MS: Millis = 30_000;
/** How long a client may take to send its header, in milliseconds. */
const HEADERS_TIMEOUT_MS: Millis = 10_000;
/** How long a connection is kept open between requests, in milliseconds. */
const KEEP_ALIVE_MS: Millis = 5_000;
/** The most connections at a time; more are closed at once. */
const MAX_CONNECTIONS = 2_000;
/** The most bytes of header fields. */
const MAX_HEADER_BYTES = 16_384;
/** How much of a body that is too large is read and thrown away, in bytes, so that the client gets to read the refusal. */
const MAX_DISCARDED_BYTES = 4 * 1024 * 1024;
/** How long `close` waits for requests under way before it cuts them, in milliseconds. */
const CLOSE_GRACE_MS: Millis = 1_000;
/** How long a stream waits for a client that takes nothing before it is cut, in milliseconds. */
const STALLED_MS: Millis = 30_000;
/** Where WebSockets are opened. */
const FEED_PATH = '/feed';

/** A server that listens, until it is closed. */
export interface Served {
  /** The address, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends: no new connections, a second for requests under way, then what is served is closed too. */
  close(): Promise<void>;
}

/** What can be put on a socket: the app, or one of its services. */
export interface Servable {
  /** Time for what it streams; the machine's by default. */
  readonly clock?: Clock;
  readonly handle: (request: Request) => Promise<Response>;
  /** Opens a connection that carries messages; without it there are none. */
  readonly connect?: DemoApp['connect'];
  /** Begins what goes on beside the answers. */
  start?(): unknown;
  close(): Promise<void>;
}

/**
 * Puts the app, or a service, on a socket, starts its worker, and answers until it is closed.
 *
 * @param options.port 0, the default, takes a free one
 * @param options.host loopback by default: a demo is not for the network
 * @throws HarnessError `port-in-use`, `cannot-listen`, `invalid-port`
 *
 * @example
 * ```ts
 * import { demoApp, serve } from 'holdfast/demo';
 *
 * const server = await serve(demoApp({ work: '20ms' }));
 * const answer = await fetch(`${server.url}/reports?mode=sync`, { method: 'POST' });
 * const report = (await answer.json()) as { rows: number };
 * report.rows; // => 12
 * await server.close();
 * ```
 */
export async function serve(app: Servable, options: { port?: number; host?: string } = {}): Promise<Served> {
  const { port = 0, host = '127.0.0.1' } = options;
  const { connect } = app;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new HarnessError(
      'invalid-port',
      `port: expected a whole number from 0 to 65535, received ${show(port)}`,
      '0 takes a free one',
    );
  }
  const leaving = new AbortController();
  // Every stream that is open listens to it.
  setMaxListeners(0, leaving.signal);
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Any other upgrade that is offered is declined by an answer in HTTP/1.1 (RFC 9110 §7.8).
      shouldUpgradeCallback: ({ headers, url, method }) =>
        connect !== undefined &&
        method === 'GET' &&
        url?.split('?')[0] === FEED_PATH &&
        headers.upgrade?.toLowerCase() === 'websocket',
    },
    (incoming, outgoing) => void answer(app, incoming, outgoing, leaving.signal),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', refuseUnparsed);
  const sockets = connect === undefined ? undefined : new Sockets(connect);
  server.on('upgrade', (incoming, socket, head) => void sockets?.upgrade(incoming, socket, head));
  const bound = await listen(server, port, host);
  app.start?.();

  let closed: Promise<void> | undefined;
  return {
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    port: bound.port,
    close() {
      closed ??= (async () => {
        leaving.abort();
        sockets?.close();
        const drained = new Promise<void>((resolve) => void server.close(() => resolve()));
        // Real time whatever the app's clock is: sockets do not live in virtual time.
        const cancel = systemClock.after(CLOSE_GRACE_MS, () => {
          server.closeAllConnections();
          sockets?.cut();
        });
        await drained;
        cancel();
        await app.close();
      })();
      return closed;
    },
  };
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${host}:${port}`;
      reject(
        error.code === 'EADDRINUSE'
          ? new HarnessError(
              'port-in-use',
              `cannot listen on ${where}: the port is in use`,
              'give another port, or 0 for a free one',
              {
                cause: error,
              },
            )
          : new HarnessError(
              'cannot-listen',
              `cannot listen on ${where}: ${error.message}`,
              'give a port above 1023 and a host of this machine',
              {
                cause: error,
              },
            ),
      );
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

async function answer(app: Servable, incoming: IncomingMessage, outgoing: ServerResponse, leaving: AbortSignal): Promise<void> {
  const hungUp = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableEnded) hungUp.abort();
  });
  try {
    const body = await readBody(incoming);
    if (body === undefined) return void outgoing.destroy();
    const request = requestFrom(incoming, body, hungUp.signal);
    const response = request instanceof Request ? await app.handle(request) : undefined;
    if (response !== undefined && isStream(response)) return await stream(response, outgoing, leaving, app.clock ?? systemClock);
    const bytes = response === undefined ? Buffer.from(JSON.stringify(request)) : Buffer.from(await response.arrayBuffer());
    if (outgoing.destroyed) return;
    const status = response?.status ?? (request as Problem).status;
    for (const [field, value] of response?.headers ?? [['content-type', 'application/problem+json'] as const])
      outgoing.setHeader(field, value);
    if (status !== 204 && status !== 304 && incoming.method !== 'HEAD') outgoing.setHeader('content-length', bytes.byteLength);
    if (leaving.aborted || body.byteLength > MAX_BODY_BYTES) outgoing.setHeader('connection', 'close');
    outgoing.writeHead(status);
    outgoing.end(bytes);
  } catch {
    // The client hung up, in the middle of its body or of ours: nobody is left to be told.
    outgoing.destroy();
  }
}

/** Whether a body has no end of its own: it is sent as it comes. */
function isStream({ headers, body }: Response): boolean {
  return body !== null && headers.get('content-type')?.startsWith('text/event-stream') === true;
}

/**
 * Sends a body as it comes, no faster than the client reads it, until it ends, the client hangs up or reads nothing for long, or
 * the server goes down.
 */
async function stream(
  { status, headers, body }: Response,
  outgoing: ServerResponse,
  leaving: AbortSignal,
  clock: Clock,
): Promise<void> {
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  outgoing.once('close', stop);
  leaving.addEventListener('abort', stop, { once: true });
  if (leaving.aborted || outgoing.destroyed) stop();
  try {
    for (const [field, value] of headers) outgoing.setHeader(field, value);
    // The connection ends with the stream: what was begun on it cannot be told from what is missing.
    outgoing.setHeader('connection', 'close');
    outgoing.writeHead(status);
    outgoing.flushHeaders();
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      if (outgoing.write(chunk.value)) continue;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(STALLED_MS, () => outgoing.destroy());
        const go = (): void => {
          cancel();
          outgoing.off('drain', go).off('close', go);
          resolve();
        };
        outgoing.once('drain', go).once('close', go);
      });
    }
    outgoing.end();
  } finally {
    leaving.removeEventListener('abort', stop);
  }
}

/** A WebSocket, as the library `ws` has it. */
interface Socketed {
  send(message: string, sent: (error?: Error | null) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'pong' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** What the library makes sockets with. */
interface Upgrader {
  handleUpgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, opened: (socket: Socketed) => void): void;
}

/** The WebSockets of a server. The library that speaks the protocol is an optional peer, and loaded when the first one comes. */
class Sockets {
  readonly #connect: DemoApp['connect'];
  readonly #open = new Set<Socketed>();
  #server: Upgrader | undefined;
  #isClosing = false;

  constructor(connect: DemoApp['connect']) {
    this.#connect = connect;
  }

  async upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const broken = (): void => void socket.destroy();
    socket.on('error', broken);
    try {
      const request = requestFrom(incoming, new Uint8Array(), new AbortController().signal);
      const answer = request instanceof Request ? await this.#connect(request) : request;
      if (answer instanceof Response) return await refuseUpgrade(socket, answer.status, answer.headers, await answer.text());
      if (typeof answer === 'object') return await refuseUpgrade(socket, answer.status, [PROBLEM_TYPE], JSON.stringify(answer));
      const server = await this.#library();
      if (server === undefined) {
        const told = problem('no-web-sockets', 'the package ws is not installed: npm install ws');
        return await refuseUpgrade(socket, told.status, [PROBLEM_TYPE], JSON.stringify(told));
      }
      if (this.#isClosing || socket.destroyed) return broken();
      socket.off('error', broken);
      server.handleUpgrade(incoming, socket, head, (opened) => this.#talk(opened, answer));
    } catch {
      broken();
    }
  }

  async #library(): Promise<Upgrader | undefined> {
    // Whatever keeps it from loading, the mend is the same.
    const ws = await import('ws').catch(() => undefined);
    if (ws === undefined) return undefined;
    return (this.#server ??= new ws.WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    }));
  }

  /** Nobody is let in any more; those who are in are told by the app, and have a moment. */
  close(): void {
    this.#isClosing = true;
    for (const one of this.#open) one.close(1001, 'the server is going down');
  }

  cut(): void {
    for (const one of this.#open) one.terminate();
  }

  #talk(socket: Socketed, start: (wire: Wire) => Talk): void {
    this.#open.add(socket);
    const talk = start({
      send: (message) =>
        new Promise((resolve, reject) => {
          socket.send(message, (error) => (error instanceof Error ? reject(error) : resolve()));
        }),
      ping: () => socket.ping(),
      close: (code, reason) => socket.close(code, reason),
      cut: () => socket.terminate(),
    });
    socket.on('message', (data, isBinary) => talk.heard(isBinary ? undefined : data.toString()));
    socket.on('pong', () => talk.ponged());
    // The library closes what breaks the protocol: 1009 for a message that is too large, 1007 for what is not UTF-8.
    socket.on('error', () => talk.closed());
    socket.on('close', () => {
      this.#open.delete(socket);
      talk.closed();
    });
  }
}

const PROBLEM_TYPE = ['content-type', 'application/problem+json'] as const;

async function refuseUpgrade(
  socket: Duplex,
  status: number,
  headers: Iterable<readonly [string, string]>,
  body: string,
): Promise<void> {
  const fields = [...headers, ['content-length', String(Buffer.byteLength(body))], ['connection', 'close']];
  const head = fields.map(([field, value]) => `${field}: ${value}\r\n`).join('');
  await new Promise<void>((resolve) => socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`, resolve));
  socket.destroy();
}

/** The body, or one byte too many of one that is too large; undefined when even that should not be read to its end. */
async function readBody(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    size += chunk.byteLength;
    if (size > MAX_DISCARDED_BYTES) return undefined;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES + 1));
}

function requestFrom(incoming: IncomingMessage, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Request | Problem {
  const method = incoming.method ?? 'GET';
  try {
    const headers = new Headers();
    const raw = incoming.rawHeaders;
    for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i]!, raw[i + 1]!);
    // The request-target is a path, or an absolute URL of which only the path counts (RFC 9112 §3.2).
    const target = incoming.url ?? '/';
    const path = target.startsWith('/') ? target : new URL(target).href.replace(/^[^:]*:\/\/[^/]*/, '');
    const url = `http://demo.test${path}`;
    return new Request(url, {
      method,
      headers,
      signal,
      body: method === 'GET' || method === 'HEAD' || body.byteLength === 0 ? null : body,
    });
  } catch {
    return problem('invalid-request', `${method} ${show(incoming.url ?? '')} cannot be served`);
  }
}

const UNPARSED: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: problem('request-timeout', `a request must be there within ${REQUEST_TIMEOUT_MS / 1000} seconds`),
  HPE_HEADER_OVERFLOW: problem('headers-too-large', `expected at most ${MAX_HEADER_BYTES} bytes`),
};

/** What is not HTTP is answered too, where the connection still takes it. */
function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const told = UNPARSED[error.code ?? ''] ?? problem('invalid-request', 'this is not HTTP/1.1');
  const body = JSON.stringify(told);
  socket.end(
    `HTTP/1.1 ${told.status} ${told.title}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
