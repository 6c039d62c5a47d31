import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { HarnessError, show } from '../errors.ts';
import { definitionOf, type Struck } from '../faults/index.ts';
import { authority, LOOPBACK } from '../probes/listen.ts';
import { Flow, MAX_WAITING_BYTES } from './flow.ts';
import { Framer, Malformed, type Framing, type Head } from './framer.ts';
import { ordersOf, type Orders, type Shape } from './orders.ts';
import { Proxy, reset, type Net, type ProxyInjected, type ProxyOptions } from './proxy.ts';
import { BrokenOff, shaped } from './shape.ts';
import { aborted, flushed, reading, written } from './streams.ts';

export interface HttpProxyOptions extends ProxyOptions {
  /** The server's address; its path is kept, so that `url` stands in its place. */
  readonly to: string | URL;
  /**
   * What the server is told to be called by: `client` is what the client called the proxy, so that links which the server makes of
   * it lead through the proxy too; `target` is its own name, for a server that has several. `client` by default.
   */
  readonly hostHeader?: 'client' | 'target' | undefined;
  /** To be asked by `https:`: a certificate for `localhost` and `127.0.0.1`, and its key, both in PEM. The client must trust it. */
  readonly tls?: { readonly key: string; readonly cert: string } | undefined;
  /** Whom to trust when the server is asked by `https:`, in PEM; those that Node trusts by default. */
  readonly ca?: string | undefined;
}

/** How many bytes of a body are held, to be sent again or told again later; of what is longer, nothing is. */
export const MAX_HELD_BYTES = 1_048_576;
/** How many addresses are remembered, for those that are answered by what was true before. */
const MAX_REMEMBERED = 1_000;

/**
 * Stands between an HTTP client and its server, and harms exchanges: real sockets, a real RST, a body that really breaks off.
 *
 * HTTP/1.1 with all that it has: connections that are kept, requests that do not wait for the answer before them (they are passed on
 * one after the other), chunked bodies with trailers, `Expect: 100-continue`, server-sent events, WebSocket and other upgrades. Each
 * connection of a client has one of its own to the server, and when either ends so does the other: the proxy adds no failure that
 * the client would not have seen without it. What nothing is ordered for goes on byte by byte as it came. A request that could be
 * read in two ways is answered 400 and goes no further (RFC 9112 §11.2).
 *
 * For a plan, `host` is the server's own. `refused` is a connection that is reset before an answer; a client that hangs up has its
 * connection reset. A name that is not found, and a handshake that fails, belong to no exchange: see `tcpProxy` for the latter.
 * The server's own failure to answer is a connection that is reset, and an `error` in the trace.
 *
 * @throws HarnessError `invalid-target`, `invalid-option`, `invalid-certificate`, `cannot-inject`, `invalid-port`, `port-in-use`,
 *   `cannot-listen`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { once } from 'node:events';
 * import type { AddressInfo } from 'node:net';
 * import { lostResponse, plan } from 'holdfast/faults';
 * import { httpProxy } from 'holdfast/inject';
 * let orders = 0;
 * const server = createServer((_, answer) => answer.end(String(++orders))).listen(0, '127.0.0.1');
 * await once(server, 'listening');
 * const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
 * const bad = await httpProxy({ to, plan: plan({ seed: 1 }, lostResponse({ where: 'POST /orders', nth: 0 })) });
 * const order = () => fetch(`${bad.url}/orders`, { method: 'POST' });
 * const first = await order().catch((error) => error.cause.code);
 * const second = await (await order()).text();
 * [first, second]; // => ['ECONNRESET', '2']
 * await bad.close();
 * server.close();
 * ```
 */
export async function httpProxy(options: HttpProxyOptions): Promise<ProxyInjected> {
  const proxy = new HttpProxy(options, {
    net: await import('node:net'),
    tls: await import('node:tls'),
    codes: (await import('node:http')).STATUS_CODES,
  });
  await proxy.listen();
  return proxy;
}

interface Remembered {
  readonly first: Answer;
  previous: Answer;
}

/** An answer as it is handed on: the server's, one that it gave before, or one in its stead. */
interface Answer {
  readonly head: Head;
  readonly body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly trailer: readonly (readonly [string, string])[];
}

/** Node's own modules, which are loaded by whoever makes a proxy. */
interface NodeModules {
  readonly net: Net;
  readonly tls: typeof import('node:tls');
  readonly codes: Codes;
}

/** What a status is called. */
type Codes = Readonly<Record<string, string | undefined>>;

class HttpProxy extends Proxy {
  readonly hostHeader: 'client' | 'target';
  /** As a plan knows the server. */
  readonly host: string;
  readonly remembers: boolean;
  readonly overtakes: boolean;
  readonly memory = new Map<string, Remembered>();
  readonly #node: NodeModules;
  readonly #bind: string;
  readonly #url: URL;
  readonly #context: SecureContext | undefined;
  readonly #ca: string | undefined;

  constructor(options: HttpProxyOptions, node: NodeModules) {
    const { to, hostHeader = 'client', tls } = options;
    super('http-proxy', to, options, node.net);
    this.#node = node;
    const { url } = this.target;
    if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      this.heal();
      throw new HarnessError(
        'invalid-target',
        `to: expected the address of an HTTP server, received ${show(String(to))}`,
        "write 'http://localhost:3000'; for another protocol there is tcpProxy",
      );
    }
    if (hostHeader !== 'client' && hostHeader !== 'target') {
      this.heal();
      throw new HarnessError(
        'invalid-option',
        `hostHeader: expected client or target, received ${show(hostHeader)}`,
        "'client' is the default",
      );
    }
    this.#context = this.#contextOf(tls);
    this.#bind = options.bind ?? LOOPBACK;
    this.#url = url;
    this.#ca = options.ca;
    this.host = url.host;
    this.hostHeader = hostHeader;
    const deeds = new Set(this.run.plan.entries.flatMap(({ fault }) => definitionOf(fault).does));
    this.remembers = deeds.has('recall');
    this.overtakes = deeds.has('hold');
  }

  get url(): string {
    const { pathname, search } = this.#url;
    const scheme = this.#context === undefined ? 'http' : 'https';
    return `${scheme}://${authority(this.#bind, this.port)}${pathname === '/' && search === '' ? '' : pathname + search}`;
  }

  #contextOf(tls: HttpProxyOptions['tls']): SecureContext | undefined {
    if (tls === undefined) return undefined;
    try {
      return this.#node.tls.createSecureContext({ key: tls.key, cert: tls.cert });
    } catch (error) {
      this.heal();
      throw new HarnessError(
        'invalid-certificate',
        `tls: the key and the certificate cannot be used: ${(error as Error).message}`,
        'give both in PEM, as made by: openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1',
        { cause: error },
      );
    }
  }

  protected override accept(socket: Socket): void {
    // Below TLS nothing is told of what passes.
    this.keep(socket, this.#context === undefined);
    if (this.#context === undefined) return link(this, socket, socket);
    const secure = new this.#node.tls.TLSSocket(socket, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: ['http/1.1'],
    });
    this.keep(secure);
    link(this, secure, socket);
  }

  /** A connection to the server, which may still be on its way; what it reads is handed on. */
  connect(take: (chunk: Buffer) => void): Socket {
    const { host, port } = this.target;
    const isSecure = this.#url.protocol === 'https:';
    const to = { host, port, allowHalfOpen: true, noDelay: true };
    const isName = !/^[\d.]+$|:/.test(host);
    const server = isSecure
      ? this.#node.tls.connect({
          ...to,
          ALPNProtocols: ['http/1.1'],
          ...(isName ? { servername: host } : {}),
          ...(this.#ca === undefined ? {} : { ca: this.#ca }),
        })
      : this.#node.net.connect({ ...to, onread: reading(take) });
    if (isSecure) server.on('data', take);
    this.keep(server);
    let isOpen = false;
    server.once(isSecure ? 'secureConnect' : 'connect', () => (isOpen = true));
    server.on('error', (error) => {
      if (!isOpen) this.failed(error);
    });
    return server;
  }

  /** What is to be done to an exchange. */
  ask(head: Head, path: string): Struck {
    return this.strike({ method: head.method, path, host: this.host, peer: this.name });
  }

  get codes(): Codes {
    return this.#node.codes;
  }

  get signal(): AbortSignal {
    return this.healed;
  }

  held(route: string, hold: NonNullable<Orders['hold']>, signal: AbortSignal): Promise<void> {
    return this.overtaking.held(route, hold, signal);
  }

  passed(route: string): void {
    this.overtaking.passed(route);
  }

  remember(key: string, answer: Answer): void {
    const known = this.memory.get(key);
    if (known !== undefined) known.previous = answer;
    else if (this.memory.size < MAX_REMEMBERED) this.memory.set(key, { first: answer, previous: answer });
  }

  tell(message: string): void {
    this.trace.record(this.name, { kind: 'error', message });
  }
}

/** One request with its answer, while it is under way. */
interface Exchange {
  readonly head: Head;
  readonly path: string;
  /** All of the request has come. */
  isAsked: boolean;
  /** All of the answer has come. */
  isAnswered: boolean;
  /** Some of the answer has gone to the client. */
  isBegun: boolean;
  /** What is remembered of an answer. */
  keeping: { head?: Head; readonly chunks: Buffer[]; size: number } | undefined;
  readonly harmed: Harmed | undefined;
}

/** An exchange that something is done to: it is taken apart. */
interface Harmed {
  readonly orders: Orders;
  readonly body: Flow;
  readonly answerBody: Flow;
  readonly answer: Deferred<Head>;
  readonly asked: Deferred<void>;
  trailer: readonly (readonly [string, string])[];
  answerTrailer: readonly (readonly [string, string])[];
  /** The server has part of it: that the client has gone is passed on. */
  isSent: boolean;
  /** The client has left, and the server does not know. */
  hasLeft: boolean;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Whoever waits for it may have gone.
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** A client's connection, and its own to the server. */
class Link {
  readonly #proxy: HttpProxy;
  readonly #client: Socket;
  /** Below TLS: what can be reset. */
  readonly #raw: Socket;
  readonly #over = new AbortController();
  readonly #requests = new Framer('request');
  readonly #answers = new Framer('response');
  #server: Socket | undefined;
  #exchange: Exchange | undefined;
  /** Reads an answer that is nobody's any more. */
  #released: ((chunk: Buffer) => void) | undefined;
  #isTunnel = false;
  #tunnelIn: Flow | undefined;
  #tunnelOut: Flow | undefined;
  #hasEnded = false;
  /** What the client has sent beyond the request that is under way. */
  #waiting: Buffer[] = [];
  #waitingSize = 0;

  constructor(proxy: HttpProxy, client: Socket, raw: Socket) {
    this.#proxy = proxy;
    this.#client = client;
    this.#raw = raw;
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    client.on('drain', () => this.#server?.resume());
    client.on('end', () => this.#clientEnded());
    client.on('error', () => undefined);
    raw.on('error', () => undefined);
    client.on('close', (isBroken) => this.#clientClosed(isBroken));
  }

  // The client's way.

  #fromClient(chunk: Buffer): void {
    if (this.#tunnelIn !== undefined) return this.#tunnelIn.push(chunk);
    if (this.#isTunnel) return this.#toServer(chunk);
    if (this.#waiting.length > 0 || this.#exchange?.isAsked === true) return this.#wait(chunk);
    this.#read(chunk);
  }

  #wait(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingSize += chunk.length;
    if (this.#waitingSize > MAX_WAITING_BYTES) this.#client.pause();
  }

  #read(chunk: Buffer): void {
    try {
      this.#readRequests(chunk);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#refuse(error);
    }
  }

  #readRequests(chunk: Buffer): void {
    const framer = this.#requests;
    framer.position = 0;
    let from = 0;
    for (;;) {
      const at = this.#exchange;
      if (at?.isAsked === true) {
        if (framer.position < chunk.length) this.#wait(chunk.subarray(framer.position));
        return;
      }
      switch (framer.step(chunk)) {
        case 'head': {
          from = framer.headAt;
          const isWhole = this.#begin(framer.head);
          // Written by itself: what came of it before, or what is changed.
          if (isWhole || from < 0) {
            if (!isWhole && this.#exchange!.harmed === undefined) this.#toServer(framer.head.raw);
            from = framer.position;
          }
          break;
        }
        case 'body':
          if (at!.harmed !== undefined && framer.payload !== undefined) at!.harmed.body.push(framer.payload);
          break;
        case 'end': {
          if (at!.harmed === undefined) this.#flush(chunk, from, framer.position);
          from = framer.position;
          at!.isAsked = true;
          if (at!.harmed !== undefined) {
            at!.harmed.trailer = framer.trailer;
            at!.harmed.body.end();
            at!.harmed.asked.resolve();
          } else if (at!.isAnswered) this.#exchange = undefined;
          break;
        }
        case 'more':
          if (at !== undefined && at.harmed === undefined) this.#flush(chunk, from, framer.position);
          return;
      }
    }
  }

  #flush(chunk: Buffer, from: number, to: number): void {
    if (to > from) this.#toServer(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  #toServer(bytes: Buffer): void {
    const server = this.#server;
    if (server !== undefined && !server.write(bytes) && !server.destroyed) this.#client.pause();
  }

  /** @returns whether its head has been written, or is not to be */
  #begin(head: Head): boolean {
    const proxy = this.#proxy;
    const isOrigin = head.target.startsWith('/') || head.target === '*';
    const path = isOrigin ? head.target : pathOf(head.target);
    const struck = proxy.ask(head, path);
    this.#answers.method = head.method;
    const isHarmed = struck.harms.length > 0;
    const exchange: Exchange = {
      head,
      path,
      isAsked: false,
      isAnswered: false,
      isBegun: false,
      keeping: proxy.remembers ? { chunks: [], size: 0 } : undefined,
      harmed: isHarmed ? this.#harmed(ordersOf(struck.harms)) : undefined,
    };
    this.#exchange = exchange;
    if (isHarmed) {
      void this.#through(exchange, exchange.harmed!).then(
        () => struck.done(),
        (error: unknown) => {
          struck.done();
          if (!(error instanceof BrokenOff)) throw error;
          this.#resetBoth();
        },
      );
      return true;
    }
    if (proxy.overtakes) proxy.passed(this.#route(exchange));
    this.#connected();
    if (isOrigin && proxy.hostHeader === 'client') return false;
    this.#toServer(this.#headFor(head, path, {}));
    return true;
  }

  #headFor(head: Head, path: string, edits: Edits): Buffer {
    const { hostHeader, host } = this.#proxy;
    const isOrigin = head.target.startsWith('/') || head.target === '*';
    const own = hostHeader === 'target' ? host : isOrigin ? undefined : hostOf(head.target);
    // What the target names counts, not what the field says (RFC 9112 §3.2.2).
    const start = isOrigin ? undefined : `${head.method} ${path} HTTP/1.${head.minor}`;
    return edited(head, { ...edits, start, set: [...(edits.set ?? []), ...(own === undefined ? [] : [['Host', own] as const])] });
  }

  #route({ head, path }: Exchange): string {
    return `${head.method} ${this.#proxy.host}${path.split('?', 1)[0]}`;
  }

  #connected(): Socket {
    if (this.#server !== undefined) return this.#server;
    const server: Socket = this.#proxy.connect((chunk) => {
      if (this.#released === undefined) this.#fromServer(server, chunk);
      else this.#released(chunk);
    });
    this.#server = server;
    server.on('drain', () => this.#client.resume());
    server.on('end', () => this.#serverEnded(server));
    server.on('close', (isBroken) => this.#serverClosed(server, isBroken));
    return server;
  }

  #clientEnded(): void {
    this.#hasEnded = true;
    this.#passEnd();
  }

  /** The client's end is told once all that came before it has gone on. */
  #passEnd(): void {
    if (!this.#hasEnded || this.#waiting.length > 0) return;
    if (this.#tunnelIn !== undefined) return this.#tunnelIn.end();
    const harmed = this.#exchange?.harmed;
    if (harmed !== undefined && !harmed.isSent) {
      // It waits in silence no longer.
      if (harmed.orders.lost !== undefined) this.#client.end();
      return;
    }
    if (harmed?.hasLeft === true) return;
    if (harmed?.orders.answerLost !== undefined) this.#client.end();
    if (this.#server === undefined) this.#client.end();
    else this.#server.end();
  }

  #clientClosed(isBroken: boolean): void {
    this.#over.abort();
    const harmed = this.#exchange?.harmed;
    if (harmed?.hasLeft === true) return;
    harmed?.asked.resolve();
    harmed?.body.break(new BrokenOff('the client has gone'));
    harmed?.answer.reject(new BrokenOff('the client has gone'));
    this.#tunnelOut?.break(new BrokenOff('the client has gone'));
    const server = this.#server;
    if (server === undefined) return;
    if (isBroken || !this.#client.readableEnded) resetServer(server);
    else server.destroySoon();
  }

  // The server's way.

  #fromServer(server: Socket, chunk: Buffer): void {
    if (this.#tunnelOut !== undefined) return this.#tunnelOut.push(chunk);
    if (this.#isTunnel) return this.#toClient(chunk);
    try {
      this.#readAnswers(server, chunk);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.#proxy.tell(`the answer cannot be passed on: ${error.message}`);
      this.#fail();
    }
  }

  #readAnswers(server: Socket, chunk: Buffer): void {
    const framer = this.#answers;
    framer.position = 0;
    let from = 0;
    for (;;) {
      const at = this.#exchange;
      if (at === undefined || at.isAnswered) {
        if (framer.position >= chunk.length) return;
        if (at?.harmed?.hasLeft === true) return;
        throw new Malformed(400, 'it came unasked');
      }
      switch (framer.step(chunk)) {
        case 'head': {
          const { head } = framer;
          from = framer.headAt;
          if (head.status === 101 && at.harmed?.orders.answerLost === undefined) {
            this.#tunnel(server, head, chunk.subarray(framer.position));
            return;
          }
          if (at.harmed !== undefined) {
            if (head.status >= 200 || head.status === 101) at.harmed.answer.resolve(head);
            else if (!at.harmed.hasLeft) this.#toClient(head.raw);
          } else if (from < 0) {
            this.#toClient(head.raw);
            from = framer.position;
          }
          if (at.keeping !== undefined && head.status >= 200) at.keeping.head = head;
          break;
        }
        case 'body':
          if (framer.payload !== undefined) {
            at.harmed?.answerBody.push(framer.payload);
            if (at.keeping !== undefined) keep(at.keeping, framer.payload);
          }
          break;
        case 'end':
          if (at.harmed === undefined) this.#flushBack(at, chunk, from, framer.position);
          from = framer.position;
          if (framer.head.status >= 200) this.#answered(at, framer.trailer);
          break;
        case 'more':
          if (at.harmed === undefined) this.#flushBack(at, chunk, from, framer.position);
          return;
      }
    }
  }

  #flushBack(exchange: Exchange, chunk: Buffer, from: number, to: number): void {
    if (to <= from) return;
    exchange.isBegun = true;
    this.#toClient(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  #toClient(bytes: Buffer): void {
    if (!this.#client.write(bytes) && !this.#client.destroyed) this.#server?.pause();
  }

  /** All of the server's answer has come. */
  #answered(exchange: Exchange, trailer: readonly (readonly [string, string])[]): void {
    exchange.isAnswered = true;
    const { keeping, harmed, head, path } = exchange;
    if (keeping?.head !== undefined && keeping.size <= MAX_HELD_BYTES)
      this.#proxy.remember(`${head.method} ${path}`, { head: keeping.head, body: keeping.chunks, trailer });
    if (harmed !== undefined) {
      harmed.answerTrailer = trailer;
      harmed.answerBody.end();
    } else if (exchange.isAsked) this.#next();
  }

  /** Turns to what the client has sent meanwhile. */
  #next(): void {
    this.#exchange = undefined;
    if (this.#waiting.length === 0) return this.#hasEnded ? this.#passEnd() : undefined;
    const [chunk, ...rest] = this.#waiting;
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#read(rest.length === 0 ? chunk! : Buffer.concat([chunk!, ...rest]));
    if (this.#waitingSize <= MAX_WAITING_BYTES && this.#server?.writableNeedDrain !== true) this.#client.resume();
    this.#passEnd();
  }

  #serverEnded(server: Socket): void {
    if (server !== this.#server) return;
    if (this.#tunnelOut !== undefined) return this.#tunnelOut.end();
    const exchange = this.#exchange;
    if (exchange?.harmed !== undefined) {
      if (this.#answers.endsByClose) this.#answered(exchange, []);
      else if (!exchange.isAnswered) {
        const gone = new BrokenOff('the server has closed');
        exchange.harmed.answer.reject(gone);
        exchange.harmed.answerBody.break(gone);
      }
      server.end();
      return;
    }
    if (exchange !== undefined && this.#answers.endsByClose && !this.#isTunnel) this.#answered(exchange, []);
    this.#client.end();
  }

  #serverClosed(server: Socket, isBroken: boolean): void {
    if (server !== this.#server) return;
    const harmed = this.#exchange?.harmed;
    const gone = new BrokenOff('the server has gone');
    harmed?.answer.reject(gone);
    if (this.#exchange?.isAnswered !== true) harmed?.answerBody.break(gone);
    if (harmed !== undefined) {
      // What was harmed goes on by itself; there is nobody to ask any more.
      this.#server = undefined;
      return;
    }
    if (isBroken || !server.readableEnded) this.#resetClient();
    else this.#client.destroySoon();
  }

  // What is not HTTP any more, or none.

  /** It has changed to another protocol: from now on all passes, in the shape that is ordered. */
  #tunnel(server: Socket, head: Head, rest: Buffer): void {
    const harmed = this.#exchange?.harmed;
    this.#isTunnel = true;
    this.#client.write(head.raw);
    if (harmed === undefined) {
      this.#exchange = undefined;
      if (rest.length > 0) this.#toClient(rest);
    } else {
      // It lasts as long as the connection.
      const { request, response, delay, answerDelay } = harmed.orders;
      this.#tunnelIn = new Flow(this.#client, this.#proxy.clock, this.#signal(), delay);
      this.#tunnelOut = new Flow(server, this.#proxy.clock, this.#signal(), answerDelay);
      if (rest.length > 0) this.#tunnelOut.push(rest);
      void this.#shapedTunnel(this.#tunnelIn, server, request ?? {});
      void this.#shapedTunnel(this.#tunnelOut, this.#client, response ?? {});
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingSize = 0;
    for (const chunk of waiting) this.#fromClient(chunk);
    this.#client.resume();
    this.#passEnd();
  }

  async #shapedTunnel(flow: Flow, to: Socket, shape: Shape): Promise<void> {
    try {
      for await (const piece of shaped(flow, shape, this.#proxy.clock, this.#signal())) if (!(await written(to, piece))) return;
      to.end();
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
      await flushed(to);
      this.#resetBoth();
    }
  }

  /** What could be read in two ways goes no further. */
  #refuse({ status, message }: Malformed): void {
    const exchange = this.#exchange;
    this.#proxy.tell(`a request is refused: ${message}`);
    if (this.#server !== undefined) resetServer(this.#server);
    this.#server = undefined;
    if (exchange?.isBegun === true) return this.#resetClient();
    exchange?.harmed?.body.break(new BrokenOff(message));
    this.#close(answerText(this.#proxy.codes, status, message));
  }

  /** The server's answer is none. */
  #fail(): void {
    const exchange = this.#exchange;
    if (this.#server !== undefined) resetServer(this.#server);
    this.#server = undefined;
    if (exchange === undefined || exchange.isBegun || exchange.harmed !== undefined) return this.#resetBoth();
    this.#close(answerText(this.#proxy.codes, 502, 'the answer of the server is malformed'));
  }

  /** A last answer; what still comes is not read. */
  #close(text: string): void {
    this.#client.removeAllListeners('data');
    this.#client.resume();
    this.#client.end(text, 'latin1');
    // The client's own end, or its idle time, closes it.
  }

  #resetClient(): void {
    reset(this.#raw);
    this.#client.destroy();
  }

  #resetBoth(): void {
    const exchange = this.#exchange;
    if (exchange?.harmed?.hasLeft !== true && this.#server !== undefined) resetServer(this.#server);
    this.#resetClient();
  }

  // What is harmed.

  #signal(): AbortSignal {
    return AbortSignal.any([this.#over.signal, this.#proxy.signal]);
  }

  #harmed(orders: Orders): Harmed {
    const { clock, signal } = this.#proxy;
    const server = { pause: () => this.#server?.pause(), resume: () => this.#server?.resume() };
    return {
      orders,
      body: new Flow(this.#client, clock, signal),
      answerBody: new Flow(server, clock, signal),
      answer: deferred(),
      asked: deferred(),
      trailer: [],
      answerTrailer: [],
      isSent: false,
      hasLeft: false,
    };
  }

  async #through(exchange: Exchange, harmed: Harmed): Promise<void> {
    const { refuse, delay, hold, lost, respond, recall, answerDelay, answerLost, hangUp } = harmed.orders;
    const { clock } = this.#proxy;
    // A client that has left does not take its request with it.
    const signal = hangUp === undefined ? this.#signal() : this.#proxy.signal;
    if (refuse !== undefined) return this.#resetBoth();
    const leaving = new AbortController();
    const left = hangUp === undefined ? undefined : this.#leave(harmed, hangUp, leaving.signal);
    if (delay > 0) await clock.sleep(delay, signal);
    const route = this.#route(exchange);
    if (hold !== undefined) await this.#proxy.held(route, hold, signal);
    if (this.#client.destroyed && !harmed.hasLeft) return;
    if (lost !== undefined) return this.#lose(harmed, lost);
    const key = `${exchange.head.method} ${exchange.path}`;
    let answer = respond !== undefined ? inStead(this.#proxy.codes, exchange.head, respond) : undefined;
    if (answer === undefined && recall !== undefined) answer = this.#proxy.memory.get(key)?.[recall];
    let isOwn = false;
    if (answer === undefined) {
      isOwn = true;
      answer = await this.#send(exchange, harmed, route);
    } else void swallow(harmed.body);
    if (hangUp === 0) await left;
    if (answerDelay > 0) await clock.sleep(answerDelay, signal);
    if (harmed.hasLeft || answerLost !== undefined) {
      this.#release(exchange, harmed);
      return answerLost === undefined || harmed.hasLeft ? undefined : this.#lose(harmed, answerLost);
    }
    leaving.abort();
    exchange.isBegun = true;
    await this.#deliver(exchange, harmed, answer, isOwn);
  }

  /** The client's patience ends, though not before it has asked. */
  async #leave(harmed: Harmed, after: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#proxy;
    if (after > 0) await clock.sleep(after, AbortSignal.any([signal, this.#signal()]));
    await harmed.asked.promise;
    if (signal.aborted || this.#proxy.run.isHealed || this.#client.destroyed) return;
    harmed.hasLeft = true;
    this.#resetClient();
  }

  /** Nothing more comes, or a reset. Once all is healed the connection is gone, so that the client can try again. */
  async #lose(harmed: Harmed, { by, after }: NonNullable<Orders['lost']>): Promise<void> {
    const signal = this.#signal();
    void swallow(harmed.body);
    if (by === 'reset') {
      if (after > 0) await this.#proxy.clock.sleep(after, signal);
    } else {
      if (this.#hasEnded) this.#client.end();
      await aborted(signal);
    }
    if (this.#server !== undefined) resetServer(this.#server);
    this.#resetClient();
  }

  /** The server's answer is nobody's any more: it is read to its end, so that the server sees nothing amiss. */
  #release(exchange: Exchange, harmed: Harmed): void {
    const server = this.#server;
    void swallow(harmed.answerBody);
    if (server === undefined) return;
    this.#server = undefined;
    const done = (): void => {
      this.#released = () => undefined;
      server.end();
    };
    server.once('end', () => server.end());
    server.resume();
    if (exchange.isAnswered) return done();
    const framer = this.#answers;
    this.#released = (chunk) => {
      framer.position = 0;
      try {
        for (;;) {
          const step = framer.step(chunk);
          if (step === 'more') return;
          if (step === 'end' && framer.head.status >= 200) return done();
        }
      } catch {
        done();
      }
    };
  }

  async #send(exchange: Exchange, harmed: Harmed, route: string): Promise<Answer> {
    const { head, path } = exchange;
    const { repeat, request: shape = {} } = harmed.orders;
    const server = this.#connected();
    harmed.isSent = true;
    const { framing, edits } = reframed(head, shape, 'request', 1);
    const copy: Copy | undefined = repeat.length === 0 ? undefined : { chunks: [], size: 0 };
    const take = async (bytes: Buffer): Promise<boolean> => {
      if (copy !== undefined) keep(copy, bytes);
      return written(server, bytes);
    };
    // The answer may come before all of the request has gone.
    const sending = this.#pour(harmed.body, head, this.#headFor(head, path, edits), framing, shape, () => harmed.trailer, take);
    this.#proxy.passed(route);
    sending.catch(async (error: Error) => {
      await flushed(server);
      harmed.answer.reject(error);
      harmed.asked.resolve();
    });
    if (copy !== undefined) {
      await sending.catch(() => false);
      await this.#repeat(copy, repeat);
    }
    const answer = await harmed.answer.promise;
    return {
      head: answer,
      body: harmed.answerBody,
      get trailer() {
        return harmed.answerTrailer;
      },
    };
  }

  /** A message with its body in the shape that is ordered, framed as it must be. */
  async #pour(
    body: Answer['body'],
    head: Head,
    start: Buffer,
    framing: Framing,
    shape: Shape,
    trailer: () => Answer['trailer'],
    take: (bytes: Buffer) => Promise<boolean>,
  ): Promise<boolean> {
    const { clock } = this.#proxy;
    // The end of a message without a body is its head's.
    if (framing === 'none' && shape.slowClose !== undefined) await clock.sleep(shape.slowClose, this.#signal());
    if (!(await take(start))) return false;
    if (framing === 'none') {
      if (head.framing !== 'none') void swallow(body);
      return true;
    }
    // A request that was to end early has told so: it does not become longer when it is healed meanwhile.
    let room =
      framing === 'length' && shape.cut?.by === 'end' ? Math.min(head.length, shape.cut.bytes) : Number.POSITIVE_INFINITY;
    for await (const piece of shaped(body, shape, clock, this.#signal())) {
      const bytes = Buffer.from(piece.buffer, piece.byteOffset, Math.min(piece.length, room));
      room -= bytes.length;
      if (bytes.length === 0) continue;
      const chunk =
        framing === 'chunked'
          ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
          : bytes;
      if (!(await take(chunk))) return false;
    }
    void swallow(body);
    if (framing !== 'chunked') return true;
    const fields = trailer().map(([name, value]) => `${name}: ${value}\r\n`);
    return take(Buffer.from(`0\r\n${fields.join('')}\r\n`, 'latin1'));
  }

  /** The server gets it again, on connections of their own; the client sees nothing of them. */
  async #repeat(copy: Copy, repeat: Orders['repeat']): Promise<void> {
    const { clock, signal } = this.#proxy;
    if (copy.size > MAX_HELD_BYTES) return this.#proxy.tell(`not sent again: it has more than ${MAX_HELD_BYTES} bytes`);
    const bytes = Buffer.concat(copy.chunks);
    for (const { times, gap } of repeat) {
      for (let i = 1; i <= times; i++) {
        if (gap > 0) await clock.sleep(gap, signal);
        if (signal.aborted) return;
        await this.#again(bytes);
      }
    }
  }

  #again(bytes: Buffer): Promise<void> {
    const framer = new Framer('response');
    framer.method = this.#answers.method;
    const server: Socket = this.#proxy.connect((chunk) => {
      framer.position = 0;
      try {
        for (let step = framer.step(chunk); step !== 'more'; step = framer.step(chunk))
          if (step === 'end' && framer.head.status >= 200) return server.destroySoon();
      } catch {
        server.destroy();
      }
    });
    server.once('end', () => server.end());
    return new Promise((resolve) => {
      server.once('close', () => resolve());
      server.write(bytes, () => resolve());
    });
  }

  async #deliver(exchange: Exchange, harmed: Harmed, answer: Answer, isOwn: boolean): Promise<void> {
    const { skew, response: shape = {} } = harmed.orders;
    const { clock } = this.#proxy;
    // One that waits to be told to go on may never send its body.
    const isLast = !isOwn && !exchange.isAsked && exchange.head.fields.some(([name]) => name === 'expect');
    const { framing, edits } = reframed(answer.head, shape, 'response', exchange.head.minor);
    const set = [...(edits.set ?? [])];
    if (skew !== 0) {
      const date = answer.head.fields.find(([name]) => name === 'date')?.[1];
      const told = date === undefined ? Number.NaN : Date.parse(date);
      set.push(['Date', new Date((Number.isNaN(told) ? clock.wall() : told) + skew).toUTCString()]);
    }
    if (isLast) set.push(['Connection', 'close']);
    const start = edited(answer.head, { ...edits, set });
    const pouring = this.#pour(
      answer.body,
      answer.head,
      start,
      framing,
      shape,
      () => answer.trailer,
      (bytes) => written(this.#client, bytes),
    );
    try {
      if (!(await pouring)) return;
    } catch (error) {
      await flushed(this.#client);
      throw error;
    }
    if (framing === 'close' || isLast || (isOwn && this.#server === undefined)) {
      // Nobody is left to ask, or that was all by its closing.
      if (isOwn && !exchange.isAnswered) this.#release(exchange, harmed);
      else this.#server?.end();
      this.#client.end();
      return;
    }
    await harmed.asked.promise;
    if (this.#exchange === exchange) this.#next();
  }
}

/** It lives by its sockets. */
function link(proxy: HttpProxy, client: Socket, raw: Socket): void {
  void new Link(proxy, client, raw);
}

interface Copy {
  readonly chunks: Buffer[];
  size: number;
}

/** Keeps a copy, up to a bound: past it, nothing of it. */
function keep(copy: Copy, bytes: Buffer): void {
  copy.size += bytes.length;
  if (copy.size > MAX_HELD_BYTES) copy.chunks.length = 0;
  else copy.chunks.push(Buffer.from(bytes));
}

async function swallow(body: Answer['body']): Promise<void> {
  try {
    for await (const _ of body);
  } catch (error) {
    if (!(error instanceof BrokenOff)) throw error;
  }
}

/** A TLS connection cannot be reset from above: it is cut off. */
function resetServer(server: Socket): void {
  if ('encrypted' in server) server.destroy();
  else reset(server);
}

/** The path of a target in absolute form, which a server must take too (RFC 9112 §3.2.2). */
function pathOf(target: string): string {
  const [, path = ''] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/i.exec(target) ?? [];
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i.test(target)) throw new Malformed(400, 'a target that is no path and no address');
  return path.startsWith('/') ? path : `/${path}`;
}

function hostOf(target: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(target)?.[1] ?? '';
}

interface Edits {
  readonly start?: string | undefined;
  /** Fields that are replaced, or added at the end. */
  readonly set?: readonly (readonly [name: string, value: string])[];
  /** Fields that are left out, in lower case. */
  readonly drop?: readonly string[];
}

/** The head, changed where it must be; the rest of it is as it came. */
function edited(head: Head, { start, set = [], drop = [] }: Edits): Buffer {
  if (start === undefined && set.length === 0 && drop.length === 0) return head.raw;
  const lines = head.raw.toString('latin1', 0, head.raw.length - 4).split('\r\n');
  const out = new Set([...drop, ...set.map(([name]) => name.toLowerCase())]);
  const fields = lines.slice(1).filter((line) => !out.has(line.slice(0, line.indexOf(':')).toLowerCase()));
  const added = set.map(([name, value]) => `${name}: ${value}`);
  return Buffer.from(`${[start ?? lines[0]!, ...fields, ...added].join('\r\n')}\r\n\r\n`, 'latin1');
}

/** How a message is framed when its body is to end at another place, or later, than its length says. */
function reframed(
  head: Head,
  shape: Shape,
  side: 'request' | 'response',
  minor: number,
): { readonly framing: Framing; readonly edits: Edits } {
  const { framing } = head;
  if (framing === 'none') return { framing, edits: {} };
  const byLength = ['content-length', 'transfer-encoding'];
  if (shape.cut?.by === 'end') {
    // As if that were all.
    if (side === 'response') return { framing: 'close', edits: { drop: byLength, set: [['Connection', 'close']] } };
    if (framing === 'chunked') return { framing, edits: {} };
    const length = Math.min(head.length, shape.cut.bytes);
    return { framing: length === 0 ? 'none' : 'length', edits: { set: [['Content-Length', String(length)]] } };
  }
  if (shape.slowClose === undefined || framing !== 'length') return { framing, edits: {} };
  // Whoever knows the length knows the end.
  if (minor === 0) return { framing: 'close', edits: { drop: byLength, set: [['Connection', 'close']] } };
  return { framing: 'chunked', edits: { drop: byLength, set: [['Transfer-Encoding', 'chunked']] } };
}

/** An answer in the server's stead. */
function inStead(codes: Codes, request: Head, { status, headers, body }: NonNullable<Orders['respond']>): Answer {
  const isBare = status === 204 || status === 304;
  const bytes = Buffer.from(body);
  const fields: (readonly [string, string])[] = headers
    .filter(([name]) => !/^(content-length|transfer-encoding)$/i.test(name))
    .map(([name, value]) => [name, value.replace(/[\r\n\0]/g, ' ')] as const);
  if (!isBare) fields.push(['Content-Length', String(bytes.length)]);
  const text = [`HTTP/1.1 ${status} ${codes[status] ?? ''}`, ...fields.map(([name, value]) => `${name}: ${value}`)];
  const framing = isBare || request.method === 'HEAD' || bytes.length === 0 ? 'none' : 'length';
  const raw = Buffer.from(`${text.join('\r\n')}\r\n\r\n`, 'latin1');
  const head: Head = { raw, method: '', target: '', status, minor: 1, fields, framing, length: bytes.length };
  return { head, body: framing === 'none' ? [] : [bytes], trailer: [] };
}

function answerText(codes: Codes, status: number, message: string): string {
  return `HTTP/1.1 ${status} ${codes[status]}\r\nContent-Type: text/plain\r\nContent-Length: ${message.length + 1}\r\nConnection: close\r\n\r\n${message}\n`;
}
