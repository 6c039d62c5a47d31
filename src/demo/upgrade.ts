import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { DemoApp } from './app.ts';
import { requestFrom } from './incoming.ts';
import { problem, type Problem } from './problem.ts';
import { MAX_MESSAGE_BYTES, type Talk, type Wire } from './socket.ts';

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
  on(event: 'wsClientError', listener: (error: Error, socket: Duplex) => void): unknown;
  handleUpgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, opened: (socket: Socketed) => void): void;
}

/** The WebSockets of a server. The library that speaks the protocol is an optional peer, and loaded when the first one comes. */
export class Sockets {
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
      if (answer instanceof Response) return await sendRefusal(socket, answer.status, answer.headers, await answer.text());
      if (typeof answer === 'object') return await refuseUpgrade(socket, answer);
      const server = await this.#library();
      if (server === undefined)
        return await refuseUpgrade(socket, problem('no-web-sockets', 'the package ws is not installed: npm install ws'));
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
    if (ws === undefined || this.#server !== undefined) return this.#server;
    this.#server = new ws.WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
    this.#server.on('wsClientError', ({ message }, socket) => {
      // It may have asked for another version (RFC 6455 §4.4).
      void refuseUpgrade(socket, problem('invalid-request', message), { 'sec-websocket-version': '13' });
    });
    return this.#server;
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

/** Answers what was to become another connection, and ends it. */
export function refuseUpgrade(socket: Duplex, told: Problem, headers: Record<string, string> = {}): Promise<void> {
  const fields = { 'content-type': 'application/problem+json', ...headers };
  return sendRefusal(socket, told.status, Object.entries(fields), JSON.stringify(told));
}

async function sendRefusal(
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
