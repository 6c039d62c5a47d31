import type { Server } from 'node:net';
import { HarnessError, show } from '../errors.ts';
import { systemClock, type Clock } from '../time/index.ts';
import { createTrace, type Event, type Trace } from '../trace/index.ts';
import type { OpenContext, Push, Source } from '../watch/index.ts';
import { tell, type Channel, type ChannelOptions, type Message } from './channel.ts';

/** What whoever makes a channel may choose of it. */
export interface OutletOptions extends ChannelOptions {
  /** Stamps what is seen; the system clock by default. */
  readonly clock?: Clock | undefined;
}

/** What all channels share that listen from the moment they were made: a trace of their own, and the traces of those who listen. */
export abstract class Outlet implements Channel {
  readonly name: string;
  readonly stateless: boolean;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly sources: readonly Source[];
  readonly #options: ChannelOptions;
  readonly #listeners = new Set<OpenContext['record']>();
  readonly #ended: Promise<void>;
  #end!: () => void;
  #closing: Promise<void> | undefined;

  constructor(options: OutletOptions & { readonly seed?: string | undefined }, name: string) {
    this.name = options.name ?? name;
    this.stateless = options.state === false;
    this.clock = options.clock ?? systemClock;
    this.trace = createTrace({ clock: this.clock, seed: options.seed });
    this.#options = options;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    // What is seen is in the trace already: whoever watches the channel by itself has nothing to open.
    const itself: Push = {
      name: this.name,
      open: async () => ({ done: this.#ended, [Symbol.asyncDispose]: async () => undefined }),
    };
    this.sources = [itself];
  }

  async open(context: OpenContext): Promise<{ readonly done: Promise<void> } & AsyncDisposable> {
    const record: OpenContext['record'] = (event, keys) => context.record(event, keys);
    this.#listeners.add(record);
    return {
      done: this.#ended,
      // It goes on for the others, and for whoever made it.
      [Symbol.asyncDispose]: async () => void this.#listeners.delete(record),
    };
  }

  /** Records in its own trace and in those of all who listen. */
  protected record(event: Event, keys?: readonly string[]): void {
    this.trace.record(this.name, event, keys);
    for (const record of this.#listeners) record(event, keys);
  }

  /** What is to be recorded of a message, with its keys; what the caller's own functions threw is an error like any other. */
  protected told(message: Message, repeated = false): readonly (readonly [event: Event, keys: readonly string[] | undefined])[] {
    const all: [Event, readonly string[] | undefined][] = [];
    try {
      // What is told again tells no new state: a retry after the end would turn it back.
      const options = repeated ? { ...this.#options, state: false as const } : this.#options;
      tell((event, keys) => void all.push([event, keys]), message, options);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      return [
        [message, undefined],
        [
          { kind: 'error', name: 'InvalidChannel', message: `${this.name}: what it was told could not be read: ${why}` },
          undefined,
        ],
      ];
    }
    return all;
  }

  /** Ends what listens. Called once. */
  protected abstract stop(): Promise<void>;

  close(): Promise<void> {
    this.#closing ??= this.stop().finally(() => {
      this.#end();
      this.#listeners.clear();
    });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Loopback: what receives for a test is not for the network. */
export const LOOPBACK = '127.0.0.1';

/**
 * Lets a server listen.
 *
 * @returns its port
 * @throws HarnessError `invalid-port`, `port-in-use`, `cannot-listen`
 */
export async function listen(server: Server, port: number, host: string, what: string): Promise<number> {
  checkPort(port);
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(cannotListen(error, port, host, what));
    server.once('error', failed);
    server.listen({ port, host }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** @throws HarnessError `invalid-port` */
export function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw new HarnessError(
    'invalid-port',
    `port: expected a whole number from 0 to 65535, received ${show(port)}`,
    '0 takes a free one',
  );
}

export function cannotListen(error: NodeJS.ErrnoException, port: number, host: string, what: string): HarnessError {
  return error.code === 'EADDRINUSE'
    ? new HarnessError(
        'port-in-use',
        `${what}: port ${port} of ${host} is in use`,
        `leave the port out to take a free one, or find who has it: lsof -i :${port}`,
        { cause: error },
      )
    : new HarnessError(
        'cannot-listen',
        `${what}: cannot listen on ${host} port ${port}: ${error.message}`,
        `leave host out to listen on ${LOOPBACK}, and port to take a free one`,
        { cause: error },
      );
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function authority(host: string, port: number): string {
  const name = host === '0.0.0.0' ? LOOPBACK : host === '::' ? '::1' : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}
