import type { Server, Socket } from 'node:net';
import { HarnessError, show } from '../errors.ts';
import { listen, LOOPBACK } from '../probes/listen.ts';
import { parseDuration, type Duration, type Millis } from '../time/index.ts';
import type { InjectorName } from './abilities.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';

/** How many clients may be connected at once, unless told otherwise. */
export const MAX_CONNECTIONS = 10_000;
/** How long nothing may pass before a connection is given up, in milliseconds, unless told otherwise. */
export const MAX_IDLE_MS: Millis = 600_000;

/** Node's own sockets, which are loaded by whoever makes a proxy. */
export type Net = typeof import('node:net');

export interface ProxyOptions extends InjectorOptions {
  /** Where it listens; a free port by default. */
  readonly port?: number | undefined;
  /** The interface it listens on; loopback by default. A container reaches only what listens on `0.0.0.0`. */
  readonly bind?: string | undefined;
  /** How many clients may be connected at once, more are turned away, which the trace tells; 10,000 by default. */
  readonly maxConnections?: number | undefined;
  /** How long nothing may pass before a connection is given up, which the trace tells; 10 minutes by default. */
  readonly idle?: Duration | undefined;
}

/** What stands between a client and its server. */
export interface ProxyInjected extends Injected {
  /** For the client under test. */
  readonly url: string;
  readonly port: number;
}

/** The ports that addresses mean where they name none. */
const PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  amqp: 5672,
  amqps: 5671,
  mqtt: 1883,
  mqtts: 8883,
  nats: 4222,
  postgres: 5432,
  postgresql: 5432,
  redis: 6379,
  rediss: 6379,
  smtp: 25,
};

export interface Target {
  /** As sockets take it: without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** Where it was given as one. */
  readonly url?: URL;
}

/**
 * Where a proxy leads to.
 *
 * @throws HarnessError `invalid-target`
 */
export function readTarget(to: string | URL): Target {
  const given: unknown = to;
  const wrong = (): HarnessError =>
    new HarnessError(
      'invalid-target',
      `to: expected the address of a server, received ${typeof given === 'string' ? show(given.replace(/\/\/[^/@]*@/, '//…@')) : show(given)}`,
      "write 'localhost:6379', or an address with a port: 'redis://localhost:6379', 'http://localhost:3000'",
    );
  if (typeof given === 'string') {
    const [, host, port] = /^(\[[^\]\s]+\]|[^\s:/@]+):(\d{1,5})$/.exec(given) ?? [];
    if (host !== undefined) {
      if (Number(port) < 1 || Number(port) > 65_535) throw wrong();
      return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
    }
  }
  if (!(given instanceof URL) && (typeof given !== 'string' || !URL.canParse(given))) throw wrong();
  const url = new URL(given);
  const port = url.port === '' ? PORTS[url.protocol.slice(0, -1)] : Number(url.port);
  if (url.hostname === '' || port === undefined || port === 0) throw wrong();
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, url };
}

/** A socket's connection is reset (RST), so that its other end gets ECONNRESET. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // One that is still connecting would be reset only once it is connected.
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** A server on loopback, and all sockets that are open because of it. */
export abstract class Proxy extends Injection implements ProxyInjected {
  port = 0;
  protected readonly target: Target;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #open: { readonly port: number; readonly bind: string };
  readonly #idle: Millis;

  /** @throws HarnessError `cannot-inject`, `invalid-target`, `invalid-option`, `invalid-duration` */
  constructor(injector: InjectorName, to: string | URL, options: ProxyOptions, { createServer }: Net) {
    const target = readTarget(to);
    const { maxConnections = MAX_CONNECTIONS } = options;
    const idle = parseDuration(options.idle ?? MAX_IDLE_MS, 'idle');
    if (!Number.isSafeInteger(maxConnections) || maxConnections < 1 || idle === 0)
      throw new HarnessError(
        'invalid-option',
        `${injector}: expected at least one connection and some idle time, received maxConnections ${show(maxConnections)} and idle ${show(options.idle)}`,
        "leave them out, or write { maxConnections: 100, idle: '30s' }",
      );
    super(injector, options);
    this.#idle = idle;
    this.target = target;
    this.#open = { port: options.port ?? 0, bind: options.bind ?? LOOPBACK };
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.accept(socket));
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', () => this.#tell(`more than ${maxConnections} connections at once: turned away`));
  }

  abstract readonly url: string;

  /** @throws HarnessError `invalid-port`, `port-in-use`, `cannot-listen` */
  async listen(): Promise<void> {
    try {
      this.port = await listen(this.#server, this.#open.port, this.#open.bind, this.name);
    } catch (error) {
      this.heal();
      throw error;
    }
  }

  /** A client has come. */
  protected abstract accept(client: Socket): void;

  /** Sees to it that a socket is closed with the proxy, and given up when nothing passes for long. */
  protected keep(socket: Socket, hasIdleTime = true): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!hasIdleTime) return;
    socket.setTimeout(this.#idle, () => {
      this.#tell(`nothing passed for ${this.#idle} ms: the connection is given up`);
      socket.destroy();
    });
  }

  #tell(message: string): void {
    this.trace.record(this.name, { kind: 'error', message });
  }

  /** What the target's own failure is told by: the client is told by its connection, as if it had asked the target itself. */
  protected failed(error: Error): void {
    this.#tell(`${this.target.host}:${this.target.port}: ${error.message}`);
  }

  protected override async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    const gone = [...this.#sockets].map(
      (socket) =>
        new Promise<void>((resolve) => {
          if (socket.closed) return resolve();
          socket.once('close', () => resolve());
          socket.destroy();
        }),
    );
    await Promise.all([closed, ...gone]);
  }
}
