/** A real client, an injector and a real server: what the laws of all injectors are held against. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Entry, Plan } from '../../../src/faults/index.ts';
import type { Fetching, Injected } from '../../../src/inject/index.ts';

export interface InjectorStart {
  readonly injected: Injected;
  /** What the client asks, by `http:`. */
  readonly url: string;
  readonly fetch: Fetching;
  /** What the server was asked, once all of it had come: method, path and body. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

export interface InjectorWorld {
  /** As in `ABILITIES`. */
  readonly name: string;
  /** What it is held to a law by, where the law's own is finer than it can do. */
  readonly entries?: Readonly<Record<string, Entry>>;
  start(plan: Plan): Promise<InjectorStart>;
}

export const BODY = 'a text that is forty characters long ...';
export const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';

export interface Shop {
  readonly to: string;
  readonly asked: string[];
  close(): Promise<void>;
}

/** Counts by path; `/stream` is answered by a body that ends with its connection. */
export async function shop(): Promise<Shop> {
  const asked: string[] = [];
  const counts = new Map<string, number>();
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    outgoing.on('error', () => undefined);
    incoming.on('end', () => {
      const { method = '', url = '' } = incoming;
      asked.push(`${method} ${url} ${Buffer.concat(chunks).toString('latin1')}`.trimEnd());
      const n = (counts.get(url) ?? 0) + 1;
      counts.set(url, n);
      const length: Record<string, string> = url === '/stream' ? {} : { 'content-length': String(BODY.length) };
      if (url === '/stream') {
        outgoing.shouldKeepAlive = false;
        outgoing.useChunkedEncodingByDefault = false;
      }
      outgoing.writeHead(200, { date: DATE, 'x-n': String(n), ...length }).end(BODY);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    to: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

/** A connection for each request: what is done to one is done to the other. */
export const alone: Fetching = (input, init) => {
  const request = new Request(input, init);
  request.headers.set('connection', 'close');
  // The signal of a request that is itself collected follows nobody any more.
  return globalThis.fetch(request, { signal: init?.signal ?? null });
};

/** A server, and what is put before it; nothing is left where that is refused. */
export async function before<I extends Injected>(
  make: (to: string) => I | Promise<I>,
  as: (injected: I, to: string) => Pick<InjectorStart, 'url' | 'fetch'>,
): Promise<InjectorStart> {
  const server = await shop();
  const { to, asked } = server;
  try {
    const injected = await make(to);
    const stop = async (): Promise<void> => {
      await injected.close();
      await server.close();
    };
    return { injected, asked, stop, ...as(injected, to) };
  } catch (error) {
    await server.close();
    throw error;
  }
}
