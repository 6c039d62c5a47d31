import { connect, type Socket } from 'node:net';
import type { Struck } from '../faults/index.ts';
import type { Millis } from '../time/index.ts';
import { authority, LOOPBACK } from '../probes/listen.ts';
import { Flow } from './flow.ts';
import { ordersOf, type Orders, type Shape } from './orders.ts';
import { Proxy, reset, type ProxyInjected, type ProxyOptions } from './proxy.ts';
import { BrokenOff, shaped } from './shape.ts';
import { aborted, flushed, reading, written } from './streams.ts';

export interface TcpProxyOptions extends ProxyOptions {
  /** Where it leads to: `'localhost:6379'`, or an address with a port or a scheme whose port is known. */
  readonly to: string | URL;
}

/** TLS 1.2 and before, and what a client of TLS 1.3 takes for it too: a fatal alert, `handshake_failure` (RFC 8446 §6). */
const HANDSHAKE_FAILURE = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);

/**
 * Stands between a client and a server of any protocol, and harms what passes: real sockets, and a real RST.
 *
 * What passes, for a plan, is a connection: `host` is the address that it leads to, `peer` the name of the proxy. It is asked once,
 * when a client connects, what is to be done to it, and that lasts as long as the connection: also with TLS, which goes through
 * untouched. Each way is harmed by itself: `request` is what the client sends. What is late is all of it, each piece by so much; a
 * black hole or a reset begins with the first bytes that go its way. `refused` is a connection that is accepted and reset at once,
 * for the socket that listens stays; `tlsFailure` is a fatal alert.
 *
 * The target's own failure to answer is a connection that is reset, and an `error` in the trace.
 *
 * @throws HarnessError `invalid-target`, `cannot-inject`, `invalid-port`, `port-in-use`, `cannot-listen`
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { once } from 'node:events';
 * import type { AddressInfo } from 'node:net';
 * import { plan, reset } from 'holdfast/faults';
 * import { tcpProxy } from 'holdfast/inject';
 * const server = createServer((_, answer) => answer.end('hello')).listen(0, '127.0.0.1');
 * await once(server, 'listening');
 * const bad = await tcpProxy({ to: `127.0.0.1:${(server.address() as AddressInfo).port}`, plan: plan({ seed: 1 }, reset({ nth: 0 })) });
 * const ask = () => fetch(`http://127.0.0.1:${bad.port}/`, { headers: { connection: 'close' } });
 * const first = await ask().catch((error) => error.cause.code);
 * const second = await (await ask()).text();
 * [first, second]; // => ['ECONNRESET', 'hello']
 * await bad.close();
 * server.close();
 * ```
 */
export async function tcpProxy(options: TcpProxyOptions): Promise<ProxyInjected> {
  const proxy = new TcpProxy(options);
  await proxy.listen();
  return proxy;
}

class TcpProxy extends Proxy {
  readonly #bind: string;
  readonly #host: string;

  constructor(options: TcpProxyOptions) {
    super('tcp-proxy', options.to, options);
    this.#bind = options.bind ?? LOOPBACK;
    this.#host = authority(this.target.host, this.target.port);
  }

  get url(): string {
    const here = authority(this.#bind, this.port);
    const { url } = this.target;
    if (url === undefined) return `tcp://${here}`;
    // Name, password and path are the target's.
    const at = new URL(url);
    at.host = here;
    at.port = String(this.port);
    return at.pathname === '/' ? at.href.replace(/\/$/, '') : at.href;
  }

  protected override accept(client: Socket): void {
    this.keep(client);
    const struck = this.strike({ host: this.#host, peer: this.name });
    if (struck.harms.length === 0) {
      const server = this.#connect((chunk) => {
        if (!client.write(chunk) && !client.destroyed) server.pause();
      });
      pass(client, server);
      client.on('drain', () => server.resume());
      server.on('end', () => client.end());
      tie(client, server);
      tie(server, client);
      return;
    }
    client.once('close', () => struck.done());
    this.#harm(client, struck);
  }

  /** @param take what is read, where nothing is to be done to it; without it, it is asked for by `data` */
  #connect(take?: (chunk: Buffer) => void): Socket {
    const { host, port } = this.target;
    const onread = take === undefined ? undefined : reading(take);
    const server = connect({ host, port, allowHalfOpen: true, noDelay: true, ...(onread === undefined ? {} : { onread }) });
    // Nothing passes on it that does not on the client's.
    this.keep(server, take === undefined);
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'connect' || error.syscall === 'getaddrinfo') this.failed(error);
    });
    return server;
  }

  #harm(client: Socket, struck: Struck): void {
    const orders = ordersOf(struck.harms);
    const { refuse, hangUp } = orders;
    client.on('error', () => undefined);
    if (refuse === 'tls') {
      // A client that is told before it has said hello takes it for what answers something else.
      client.once('data', () => client.end(HANDSHAKE_FAILURE));
      client.once('end', () => client.end());
      return;
    }
    if (refuse !== undefined) return reset(client);
    const server = this.#connect();
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.healed]);
    const connection: Connection = { client, server, signal, hasLeft: false };
    client.once('close', (isBroken) => {
      over.abort();
      if (connection.hasLeft) return;
      if (isBroken || !client.readableEnded) reset(server);
    });
    server.once('close', (isBroken) => {
      if (isBroken || !server.readableEnded) reset(client);
      if (client.destroyed) over.abort();
    });
    this.#way(connection, 'request', orders);
    this.#way(connection, 'response', orders);
    // After what passes on, so that what came with it is on its way.
    if (hangUp !== undefined) client.once('data', () => void this.#leave(connection, hangUp));
  }

  /** The client's patience ends; what it sent goes on, and whatever is answered is nobody's. */
  async #leave(connection: Connection, after: Millis): Promise<void> {
    // At once is before any answer, however fast that comes.
    if (after > 0) await this.clock.sleep(after, connection.signal);
    const { client, server } = connection;
    if (this.run.isHealed || client.destroyed) return;
    connection.hasLeft = true;
    server.resume();
    reset(client);
  }

  #way(connection: Connection, side: 'request' | 'response', orders: Orders): void {
    const { client, server } = connection;
    const [from, to] = side === 'request' ? [client, server] : [server, client];
    const lost = side === 'request' ? orders.lost : orders.answerLost;
    const delay = side === 'request' ? orders.delay : orders.answerDelay;
    const shape = orders[side];
    if (lost !== undefined) this.#lose(connection, from, to, lost);
    else if (delay === 0 && shape === undefined) pass(from, to);
    else void this.#shape(connection, from, to, delay, shape ?? {});
  }

  #lose({ client, server, signal }: Connection, from: Socket, to: Socket, { by, after }: NonNullable<Orders['lost']>): void {
    const lose = async (): Promise<void> => {
      if (by === 'reset') await this.clock.sleep(after, signal);
      else await aborted(signal);
      // Bytes are lost, so the connection is of no use any more: once all is healed the client is to try again.
      reset(client);
      reset(server);
    };
    let isLost = false;
    from.on('data', (chunk: Uint8Array) => {
      if (isLost) return;
      if (this.run.isHealed) return void to.write(chunk);
      isLost = true;
      void lose();
    });
    from.once('end', () => {
      if (!isLost || by === 'silence') to.end();
    });
  }

  async #shape({ client, server, signal }: Connection, from: Socket, to: Socket, delay: Millis, shape: Shape): Promise<void> {
    const flow = new Flow(from, this.clock, signal, delay);
    from.on('data', (chunk: Uint8Array) => flow.push(chunk));
    from.once('end', () => flow.end());
    from.once('close', () => {
      if (!from.readableEnded) flow.break(new BrokenOff('the connection is gone'));
    });
    let passed = 0;
    try {
      for await (const piece of shaped(flow, shape, this.clock, signal)) {
        passed += piece.length;
        if (!(await written(to, piece))) return;
      }
    } catch (error) {
      if (!(error instanceof BrokenOff)) throw error;
      await flushed(to);
      reset(client);
      reset(server);
      return;
    }
    to.end();
    if (passed < (shape.cut?.bytes ?? Number.POSITIVE_INFINITY) || from.readableEnded) return;
    // As if that were all: both are closed, without a reset for whoever reads.
    to.destroySoon();
    from.destroy();
  }
}

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  /** Aborts when it is over, or all is healed. */
  readonly signal: AbortSignal;
  /** The client has left, and the server does not know. */
  hasLeft: boolean;
}

/** Bytes go on as they come; whoever sends is held back while the other does not read, and its end is told. */
function pass(from: Socket, to: Socket): void {
  from.on('data', (chunk: Uint8Array) => {
    if (!to.write(chunk) && !to.destroyed) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
}

/** When one is gone, so is the other: in the same way. */
function tie(one: Socket, other: Socket): void {
  one.on('error', () => undefined);
  one.on('close', (isBroken) => {
    if (isBroken || !one.readableEnded) reset(other);
    else other.destroySoon();
  });
}
