import {
  Agent,
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { duplexPair, Readable } from 'node:stream';
import { failed, type Attached, type Handler, type NodeServer } from './process.ts';
import type { Way } from './way.ts';

const LOOPBACK = '127.0.0.1';
/** Tells which request it is that arrives. Taken off before the server sees it. */
const EXCHANGE = 'x-holdfast-exchange';

/** A server of Node on connections in memory: its own parser, its own streams, and no network. */
export function inMemory(server: NodeServer, { clock }: Way): Attached {
  const stamp = (_request: IncomingMessage, response: ServerResponse): void => dated(response, clock);
  server.prependListener('request', stamp as never);
  const open = new Set<{ destroy(): void }>();
  const connect = (): Socket => {
    const [client, far] = duplexPair();
    // What a server may ask of a socket, and a pair does not have.
    for (const end of [client, far]) Object.assign(end, SOCKET_LIKE);
    far.on('error', () => undefined);
    open.add(client);
    client.once('close', () => {
      open.delete(client);
      far.destroy();
    });
    server.emit('connection', far);
    return client as unknown as Socket;
  };
  return {
    send: (request) => sent(request, { createConnection: connect }),
    detach: async () => {
      server.removeListener('request', stamp as never);
      for (const client of open) client.destroy();
    },
  };
}

const SOCKET_LIKE = {
  remoteAddress: LOOPBACK,
  remotePort: 80,
  localAddress: LOOPBACK,
  setNoDelay(): unknown {
    return this;
  },
  setKeepAlive(): unknown {
    return this;
  },
  setTimeout(): unknown {
    return this;
  },
  ref(): unknown {
    return this;
  },
  unref(): unknown {
    return this;
  },
};

let servers = 0;

/** A server on a real socket of loopback, with a client that keeps its connections. */
export async function onSockets(given: Handler | NodeServer, { clock, transit }: Way): Promise<Attached> {
  const server = (
    typeof given === 'function' ? createServer((request, response) => void serve(given, request, response)) : given
  ) as Server;
  const name = `${++servers}`;
  let count = 0;
  const arrived = (request: IncomingMessage, response: ServerResponse): void => {
    if (transit !== undefined) dated(response, clock);
    const id = request.headers[EXCHANGE];
    if (typeof id !== 'string') return;
    delete request.headers[EXCHANGE];
    const at = request.rawHeaders.findIndex((text) => text.toLowerCase() === EXCHANGE);
    if (at >= 0) request.rawHeaders.splice(at, 2);
    transit?.end(id);
    // From here on it is on its way back, until its client has all of it.
    response.once('finish', () => transit?.begin(id, `the answer to ${request.method} ${request.url}`));
    for (const event of ['data', 'end']) request.once(event, () => transit?.stir());
    const write = response.write.bind(response) as (...args: unknown[]) => boolean;
    response.write = (...args: unknown[]) => {
      transit?.stir();
      return write(...args);
    };
  };
  server.prependListener('request', arrived);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true });
  return {
    async send(request) {
      const id = `${name}/${count++}`;
      const over = (): void => transit?.end(id);
      transit?.begin(id, `${request.method} ${request.url}`);
      try {
        return await sent(request, { host: LOOPBACK, port, agent }, { [EXCHANGE]: id }, over);
      } catch (error) {
        over();
        throw error;
      }
    },
    async detach() {
      agent.destroy();
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      server.removeListener('request', arrived);
    },
  };
}

/** As the clock of the world has it when the answer begins, unless the server says otherwise. */
function dated(response: ServerResponse, clock: Way['clock']): void {
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = (...args: unknown[]) => {
    if (response.sendDate && !response.hasHeader('date')) response.setHeader('Date', new Date(clock.wall()).toUTCString());
    return writeHead(...args);
  };
}

/** Media types whose body goes on as long as there is news. */
const STREAMS = /^(text\/event-stream|multipart\/x-mixed-replace|application\/(x-ndjson|jsonl|json-seq|stream\+json))\b/i;

/**
 * Sends by Node's own client. A body that ends is read before the answer is given, so that it is known when all of it has come.
 *
 * @param over called when all of the answer has come, or none will
 */
async function sent(
  request: Request,
  target: object,
  more: Readonly<Record<string, string>> = {},
  over: () => void = () => undefined,
): Promise<Response> {
  const url = new URL(request.url);
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
  return new Promise<Response>((resolve, reject) => {
    const { signal } = request;
    const headers = { host: url.host, ...Object.fromEntries(request.headers), ...more };
    const out = sendRequest({
      ...target,
      path: url.pathname + url.search,
      method: request.method,
      headers,
      signal,
    } as RequestOptions);
    const refuse = (error: Error & { readonly code?: string }): void => {
      over();
      if (signal.aborted) reject(signal.reason as Error);
      else reject(failed(error.code ?? 'ECONNRESET', error.message));
    };
    out.on('error', refuse);
    out.on('response', (incoming) => {
      incoming.once('error', refuse);
      incoming.once('close', over);
      const { statusCode: status = 200, statusMessage: statusText = '', rawHeaders } = incoming;
      const fields = new Headers();
      for (let i = 0; i + 1 < rawHeaders.length; i += 2) fields.append(rawHeaders[i]!, rawHeaders[i + 1]!);
      // Of the connection, not of the answer.
      for (const name of ['connection', 'keep-alive', 'transfer-encoding']) fields.delete(name);
      const init = { status, statusText, headers: fields };
      const empty = request.method === 'HEAD' || [204, 205, 304].includes(status);
      if (!empty && STREAMS.test(fields.get('content-type') ?? '')) {
        resolve(new Response(Readable.toWeb(incoming) as ReadableStream<Uint8Array>, init));
        return;
      }
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('end', () => resolve(new Response(empty ? null : Buffer.concat(chunks), init)));
      incoming.once('aborted', () => refuse(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
    });
    if (body === undefined) out.end();
    else out.end(body);
  });
}

/** A handler behind a server of Node. */
async function serve(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/', headers, rawHeaders } = incoming;
  const fields = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) fields.append(rawHeaders[i]!, rawHeaders[i + 1]!);
  const leaving = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) leaving.abort();
  });
  try {
    const chunks: Buffer[] = [];
    if (method !== 'GET' && method !== 'HEAD') for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = chunks.length === 0 ? null : Buffer.concat(chunks);
    const request = new Request(`http://${headers.host ?? 'localhost'}${url}`, {
      method,
      headers: fields,
      body,
      signal: leaving.signal,
    });
    const response = await handler(request);
    const answer: Record<string, string | string[]> = {};
    for (const [name, value] of response.headers) if (name !== 'set-cookie') answer[name] = value;
    const cookies = response.headers.getSetCookie();
    if (cookies.length > 0) answer['set-cookie'] = cookies;
    outgoing.writeHead(response.status, answer);
    if (response.body !== null) for await (const chunk of response.body) outgoing.write(chunk);
    outgoing.end();
  } catch {
    // As a runtime with `fetch` does where its handler throws.
    if (!outgoing.headersSent) outgoing.writeHead(500);
    outgoing.end();
  }
}
