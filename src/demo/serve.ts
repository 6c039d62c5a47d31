import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HarnessError, show } from '../errors.ts';
import { systemClock, type Clock, type Millis } from '../time/index.ts';
import type { DemoApp } from './app.ts';
import { MAX_BODY_BYTES } from './body.ts';
import { readBody, requestFrom } from './incoming.ts';
import { problem, type Problem } from './problem.ts';
import { refuseUpgrade, Sockets } from './upgrade.ts';

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
/** How long a client that still sends after its refusal may go on to, in milliseconds, so that it gets to read it. */
const LINGER_MS: Millis = 1_000;
/** How long `close` waits for requests under way before they are told that the server goes down, in milliseconds. */
const CLOSE_GRACE_MS: Millis = 1_000;
/** How long it waits after that before it cuts them, in milliseconds. */
const CUT_MS: Millis = 500;
/** How long a stream waits for a client that takes nothing before it is cut, in milliseconds. */
const STALLED_MS: Millis = 30_000;
/** Where WebSockets are opened. */
const FEED_PATH = '/feed';

/** A server that listens, until it is closed. */
export interface Served {
  /** The address, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Ends: no new connections, a second for requests under way, then what is served is closed too, and who still waits is told so. */
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
      // Looked at below, where the answer can say what is wrong.
      requireHostHeader: false,
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
  server.on('checkExpectation', ({ headers }, outgoing) =>
    refuse(
      outgoing,
      problem('expectation-failed', `expected 100-continue or none, received ${show(headers.expect ?? '')}`),
    ).end(),
  );
  server.on(
    'connect',
    ({ url = '' }, socket) => void refuseUpgrade(socket, problem('invalid-request', `CONNECT ${show(url)} cannot be served`)),
  );
  const sockets = connect === undefined ? undefined : new Sockets(connect);
  server.on('upgrade', (incoming, socket, head) => void sockets?.upgrade(incoming, socket, head));
  const bound = await listen(server, port, host);
  app.start?.();

  let ended: Promise<void> | undefined;
  const end = (): Promise<void> => (ended ??= app.close());
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
        const cancels = [
          // What goes wrong with it is told below.
          systemClock.after(CLOSE_GRACE_MS, () => void end().catch(() => undefined)),
          systemClock.after(CLOSE_GRACE_MS + CUT_MS, () => {
            server.closeAllConnections();
            sockets?.cut();
          }),
        ];
        await drained;
        for (const cancel of cancels) cancel();
        await end();
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
    if (body === undefined) {
      refuse(outgoing, problem('too-large', `expected at most ${MAX_BODY_BYTES} bytes`));
      // Closed at once, a client that is still sending would be cut off before it reads that.
      await restOf(incoming);
      return void outgoing.end();
    }
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

/** Refuses what did not become a request; the connection is closed at its end. */
function refuse(outgoing: ServerResponse, told: Problem): ServerResponse {
  const body = JSON.stringify(told);
  const fields = { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(body), connection: 'close' };
  outgoing.writeHead(told.status, fields).write(body);
  return outgoing;
}

/** Throws away what still comes, for some time at the longest. */
function restOf(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      cancel();
      resolve();
    };
    const cancel = systemClock.after(LINGER_MS, stop);
    incoming.once('end', stop).once('close', stop).resume();
  });
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
