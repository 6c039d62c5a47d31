import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { createServer as createSecureServer, request as requestSecure } from 'node:https';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { afterEach, describe, expect, test } from 'vitest';
import {
  blackHole,
  clockSkew,
  corrupt,
  dnsFailure,
  duplicateRequest,
  hangUp,
  latency,
  limitData,
  lostResponse,
  plan,
  refused,
  reorderRequests,
  reset,
  slicer,
  slowClose,
  staleRead,
  status,
  stuckMonitor,
  tlsFailure,
  tooManyRequests,
  truncate,
  bandwidth,
  type Entry,
} from '../../../src/faults/index.ts';
import { httpProxy, tcpProxy, type HttpProxyOptions, type ProxyInjected } from '../../../src/inject/index.ts';
import { systemClock } from '../../../src/time/index.ts';
import { certificate } from '../../setup/certificate.ts';
import { client as plainClient, listening, type Listening, type Seen } from './sockets.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

interface World {
  readonly server: Listening;
  readonly bad: ProxyInjected;
  /** What the server was asked, with its body, once that had come; `left` behind it where the client left before the end. */
  readonly asked: string[];
  readonly headers: IncomingMessage['headers'][];
}

type Handle = (
  incoming: IncomingMessage,
  body: Buffer,
  n: number,
) => { status?: number; headers?: Record<string, string>; body?: string };

async function world(
  entries: readonly Entry[],
  { handle, until, ...options }: Partial<HttpProxyOptions> & { handle?: Handle | Server; until?: number } = {},
): Promise<World> {
  const asked: string[] = [];
  const headers: World['headers'] = [];
  const counts = new Map<string, number>();
  const own = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    headers.push(incoming.headers);
    outgoing.on('error', () => undefined);
    incoming.on('error', () => asked.push(`${incoming.method} ${incoming.url} left`));
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      asked.push(
        `${incoming.method} ${incoming.url}${body.length === 0 ? '' : ` ${body.length > 80 ? body.length : body.toString()}`}`,
      );
      const n = (counts.get(incoming.url ?? '') ?? 0) + 1;
      counts.set(incoming.url ?? '', n);
      const answer = typeof handle === 'function' ? handle(incoming, body, n) : { body: `n=${n}` };
      outgoing.writeHead(answer.status ?? 200, { 'content-length': String(answer.body?.length ?? 0), ...answer.headers });
      outgoing.end(answer.body);
    });
  });
  const server = await listening(handle instanceof Object && 'listen' in handle ? handle : own);
  open.push(server);
  const bad = await httpProxy({ to: `http://127.0.0.1:${server.port}`, plan: plan({ seed: 1, until }, ...entries), ...options });
  open.push(bad);
  return { server, bad, asked, headers };
}

function client(port: number): Seen {
  const one = plainClient(port);
  open.push({ close: () => Promise.resolve(void one.socket.destroy()) });
  return one;
}

/** The answer's text, its status where that is no 2xx, or the code of what went wrong. */
async function get(url: string, init?: RequestInit): Promise<string> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    return response.ok ? text : String(response.status);
  } catch (error) {
    const { cause, name, message } = error as { cause?: { code?: string; message?: string }; name: string; message: string };
    return `${message}: ${cause?.code ?? name}`;
  }
}

const FAILED = 'fetch failed: ECONNRESET';

describe('each fault, as a client sees it', () => {
  test.each<[string, Entry, readonly string[], { seen?: number; least?: number; text?: string }?]>([
    ['nothing', status({ where: 'GET /other' }), ['n=1', 'n=2']],
    ['latency of the answer', latency({ ms: 150, nth: 0 }), ['n=1', 'n=2'], { least: 150 }],
    ['latency of the request', latency({ ms: 150, nth: 0, side: 'request' }), ['n=1', 'n=2'], { least: 150 }],
    ['a lost answer: the work was done', lostResponse({ nth: 0 }), [FAILED, 'n=2']],
    ['a reset before the server', reset({ nth: 0, after: 50 }), [FAILED, 'n=1'], { seen: 1, least: 50 }],
    ['a refused connection', refused({ nth: 0 }), [FAILED, 'n=1'], { seen: 1 }],
    ['a status', status({ nth: 0, status: 503 }), ['503', 'n=1'], { seen: 1 }],
    ['too many requests', tooManyRequests({ nth: 0 }), ['429', 'n=1'], { seen: 1 }],
    ['a client that hangs up at once', hangUp({ nth: 0, after: 0 }), [FAILED, 'n=2']],
    ['a duplicate', duplicateRequest({ nth: 0, copies: 2 }), ['n=1', 'n=4'], { seen: 4 }],
    ['a stale read', staleRead({ nth: 1 }), ['n=1', 'n=1'], { seen: 1 }],
    ['a body that breaks off', truncate({ nth: 0, bytes: 2 }), ['terminated: ECONNRESET', 'n=2']],
    ['a body that ends as if that were all', limitData({ nth: 0, bytes: 2 }), ['n=', 'n=2']],
    ['a black hole that closes', blackHole({ nth: 0, closeAfter: 100 }), [FAILED, 'n=1'], { seen: 1, least: 100 }],
    ['pieces', slicer({ nth: 0, size: 1, gap: 30 }), ['n=1', 'n=2'], { least: 60 }],
    ['a narrow line', bandwidth({ nth: 0, bytesPerSecond: 20 }), ['n=1', 'n=2'], { least: 95 }],
    ['an end that is told late', slowClose({ nth: 0, ms: 150 }), ['n=1', 'n=2'], { least: 150 }],
  ])('%s', async (_, entry, told, { seen = 2, least = 0 } = {}) => {
    const { bad, asked } = await world([entry]);
    const from = systemClock.now();
    const got = [await get(`${bad.url}/a?b=c`)];
    expect(systemClock.now() - from).toBeGreaterThanOrEqual(least);
    got.push(await get(`${bad.url}/a?b=c`));
    expect(got).toEqual(told);
    expect(asked).toEqual(Array.from({ length: seen }, () => 'GET /a?b=c'));
    await bad.close();
    const kinds = bad.trace.observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'healed')).toHaveLength(kinds.filter((kind) => kind === 'fault').length);
    expect(kinds).not.toContain('error');
  });

  test('a monitor that is stuck tells its first answer until it is healed', async () => {
    const { bad } = await world([stuckMonitor()]);
    const told = [await get(`${bad.url}/op`), await get(`${bad.url}/op`), await get(`${bad.url}/op`)];
    bad.heal();
    expect([...told, await get(`${bad.url}/op`)]).toEqual(['n=1', 'n=1', 'n=1', 'n=2']);
  });

  test('a client that hangs up: its request goes on, with its body, and is answered to nobody', async () => {
    const { bad, asked } = await world([hangUp({ nth: 0, after: 50 }), latency({ nth: 0, ms: 300, side: 'request' })]);
    const from = systemClock.now();
    expect(await get(`${bad.url}/book`, { method: 'POST', body: 'x=1' })).toBe(FAILED);
    expect(systemClock.now() - from).toBeGreaterThanOrEqual(50);
    expect(asked).toEqual([]);
    await expect.poll(() => asked).toEqual(['POST /book x=1']);
  });

  test('a black hole is silent until the client leaves, or all is healed', async () => {
    const { bad, asked } = await world([blackHole({ where: '/a' }), blackHole({ where: '/b', side: 'response' })]);
    const leaving = new AbortController();
    const first = get(`${bad.url}/a`, { signal: leaving.signal });
    const [second, third] = [get(`${bad.url}/a`), get(`${bad.url}/b`)];
    await expect.poll(() => asked).toEqual(['GET /b']);
    leaving.abort();
    expect(await first).toBe('This operation was aborted: AbortError');
    bad.heal();
    expect([await second, await third]).toEqual([FAILED, FAILED]);
    expect(await get(`${bad.url}/a`)).toBe('n=1');
  });

  test('one is overtaken by the next', async () => {
    const { bad, asked } = await world([reorderRequests({ where: 'PUT /**', nth: 0, atMost: '30s' })]);
    const first = get(`${bad.url}/x`, { method: 'PUT', body: '1' });
    await expect.poll(() => bad.run.strikes.length).toBe(1);
    await get(`${bad.url}/x`, { method: 'PUT', body: '2' });
    await first;
    expect(asked).toEqual(['PUT /x 2', 'PUT /x 1']);
  });

  test('the duplicates carry the body', async () => {
    const { bad, asked } = await world([duplicateRequest({ copies: 2, gap: 20 })]);
    expect(await get(`${bad.url}/pay`, { method: 'POST', body: 'x' })).toBe('n=1');
    await expect.poll(() => asked).toEqual(['POST /pay x', 'POST /pay x', 'POST /pay x']);
  });

  test('the clock of whoever answers is wrong', async () => {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    const { bad } = await world([clockSkew({ by: '-5m' })], { handle: () => ({ headers: { date }, body: 'x' }) });
    const response = await fetch(bad.url);
    expect(response.headers.get('date')).toBe('Wed, 31 Dec 2025 23:55:00 GMT');
    expect(await response.text()).toBe('x');
  });

  test('bytes are turned over, the same for the same seed; the length is what it was', async () => {
    const read = async (): Promise<string> =>
      get((await world([corrupt({ oneIn: 1 })], { handle: () => ({ body: 'hello' }) })).bad.url);
    const first = await read();
    expect(first).not.toBe('hello');
    expect(await read()).toBe(first);
  });

  test('of a request: cut, corrupted, in pieces, and late at its end', async () => {
    const { bad, asked } = await world([
      limitData({ where: '/end', bytes: 3, side: 'request' }),
      truncate({ where: '/broken', bytes: 3, side: 'request' }),
      slicer({ where: '/pieces', size: 2, side: 'request' }),
      slowClose({ where: '/late', ms: 100, side: 'request' }),
    ]);
    const send = (path: string): Promise<string> => get(bad.url + path, { method: 'POST', body: '123456' });
    expect([await send('/end'), await send('/broken'), await send('/pieces'), await send('/late')]).toEqual([
      'n=1',
      FAILED,
      'n=1',
      'n=1',
    ]);
    expect(asked).toEqual(['POST /end 123', 'POST /broken left', 'POST /pieces 123456', 'POST /late 123456']);
  });

  test('what it cannot do is refused, with who could', async () => {
    await expect(world([dnsFailure()])).rejects.toThrow(/http-proxy cannot do .*\n.* needs 'refuse-dns'\n.*fetch.* could/);
    await expect(world([tlsFailure()])).rejects.toThrow(/needs 'refuse-tls'\n.*tcp-proxy.* could/);
  });
});

describe('what passes', () => {
  test('keeps connections, each with one of its own to the server', async () => {
    const { bad, server } = await world([]);
    const one = client(bad.port);
    for (let i = 1; i <= 3; i++) {
      one.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await expect.poll(() => one.bytes().toString()).toContain(`n=${i}`);
    }
    expect(server.came).toHaveLength(1);
  });

  test('requests that do not wait are passed on one after the other, and answered in their order', async () => {
    const { bad, asked } = await world([latency({ where: '/1', ms: 100 }), status({ where: '/2', status: 418 })]);
    const one = client(bad.port);
    const ask = (n: number): string => `POST /${n} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n${n}`;
    one.socket.write([1, 2, 3, 4].map(ask).join(''));
    await expect
      .poll(() =>
        one
          .bytes()
          .toString()
          .match(/HTTP\/1\.1 \d+|n=\d/g),
      )
      .toHaveLength(7);
    expect(
      one
        .bytes()
        .toString()
        .match(/HTTP\/1\.1 \d+/g),
    ).toEqual(['HTTP/1.1 200', 'HTTP/1.1 418', 'HTTP/1.1 200', 'HTTP/1.1 200']);
    expect(asked).toEqual(['POST /1 1', 'POST /3 3', 'POST /4 4']);
  });

  test("100 Continue is the server's own", async () => {
    const { bad, asked } = await world([latency({ where: '/late', ms: 50, side: 'request' })]);
    for (const path of ['/', '/late']) {
      const sent = request(`${bad.url}${path}`, { method: 'PUT', headers: { expect: '100-continue', 'content-length': 2 } });
      sent.flushHeaders();
      await once(sent, 'continue');
      sent.end('ok');
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      sent.destroy();
    }
    expect(asked).toEqual(['PUT / ok', 'PUT /late ok']);
  });

  test('answers without a body, and those that have one though they are told by a code that rarely has', async () => {
    const codes: Record<string, number> = { '/204': 204, '/304': 304, '/200': 200 };
    const handle: Handle = ({ url = '' }) => (codes[url] === 200 ? { body: 'x' } : { status: codes[url]!, headers: {} });
    const { bad } = await world([], { handle });
    const one = client(bad.port);
    one.socket.write(
      ['GET /204', 'GET /304', 'HEAD /200', 'GET /200'].map((start) => `${start} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''),
    );
    await expect.poll(() => one.bytes().toString()).toMatch(/\r\n\r\nx$/);
    expect(
      one
        .bytes()
        .toString()
        .match(/HTTP\/1\.1 (\d+)/g),
    ).toEqual(['HTTP/1.1 204', 'HTTP/1.1 304', 'HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  test('byte by byte, where nothing is ordered: names as they were written, chunks as they were cut, trailers', async () => {
    const answer =
      'HTTP/1.1 200 Fine\r\nX-CasE:   b  \r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n1\r\n!\r\n0\r\nX-After: c\r\n\r\n';
    const asked = 'PUT /a HTTP/1.1\r\nHOST: me\r\ntransfer-ENCODING: Chunked\r\n\r\n3\r\nabc\r\n0\r\nx-T: d\r\n\r\n';
    let got = '';
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1');
        if (got.endsWith('x-T: d\r\n\r\n')) socket.write(answer);
      });
    });
    const { bad } = await world([status({ where: 'GET /other' })], { handle: server as unknown as Server });
    const one = client(bad.port);
    for (const byte of Buffer.from(asked)) one.socket.write(Buffer.of(byte));
    await expect.poll(() => one.bytes().toString('latin1')).toBe(answer);
    expect(got).toBe(asked);
  });

  test('a trailer is told after chunks that were harmed, too', async () => {
    const server = createServer((_, outgoing) => {
      outgoing.writeHead(200, { trailer: 'x-after' });
      outgoing.write('hello');
      outgoing.addTrailers({ 'x-after': 'c' });
      outgoing.end();
    });
    const { bad } = await world([slicer({ size: 2 })], { handle: server });
    const asking = request(bad.url).end();
    const [incoming] = (await once(asking, 'response')) as [IncomingMessage];
    let told = '';
    for await (const chunk of incoming) told += String(chunk);
    expect([told, incoming.trailers]).toEqual(['hello', { 'x-after': 'c' }]);
    asking.destroy();
  });

  test('events as they come, and their end', async () => {
    let stream: import('node:http').ServerResponse | undefined;
    const server = createServer((_, outgoing) => {
      stream = outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      stream.write('data: 1\n\n');
    });
    const { bad } = await world([], { handle: server });
    const response = await fetch(bad.url);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'data: 1\n\n' });
    stream!.write('data: 2\n\n');
    expect(await reader.read()).toEqual({ done: false, value: 'data: 2\n\n' });
    stream!.end();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
  });

  test('a client that leaves is told to the server', async () => {
    let left: Promise<unknown> | undefined;
    const server = createServer((_, outgoing) => {
      left = once(outgoing, 'close');
      outgoing.write('a');
    });
    const { bad } = await world([], { handle: server });
    const leaving = new AbortController();
    const response = await fetch(bad.url, { signal: leaving.signal });
    expect(response.status).toBe(200);
    leaving.abort();
    await left;
  });

  async function sockets(entries: readonly Entry[]): Promise<{ readonly bad: ProxyInjected; readonly server: WebSocketServer }> {
    const server = createServer();
    const accepting = new WebSocketServer({ server });
    accepting.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`));
    });
    const { bad } = await world(entries, { handle: server });
    return { bad, server: accepting };
  }

  test('a WebSocket, both ways, and its close', async () => {
    const { bad } = await sockets([]);
    const socket = new WebSocket(bad.url.replace('http', 'ws'));
    const first = once(socket, 'message');
    socket.on('open', () => socket.send('hello'));
    expect(String((await first)[0])).toBe('echo hello');
    socket.close(4000, 'bye');
    expect((await once(socket, 'close'))[0]).toBe(4000);
  });

  test('a WebSocket that breaks off after so many bytes', async () => {
    const { bad } = await sockets([truncate({ bytes: 4 })]);
    const socket = new WebSocket(bad.url.replace('http', 'ws'));
    socket.on('open', () => socket.send('hello'));
    // No close frame came: RFC 6455 §7.1.5.
    expect((await once(socket, 'close'))[0]).toBe(1006);
  });

  test('large bodies, both ways at once, and whoever sends is held back', async () => {
    const SIZE = 20_000_000;
    const server = createServer((incoming, outgoing) => incoming.pipe(outgoing.writeHead(200)));
    const { bad } = await world([slicer({ where: '/pieces', size: 50_000 })], { handle: server });
    for (const path of ['/', '/pieces']) {
      const response = await fetch(bad.url + path, { method: 'POST', body: Buffer.alloc(SIZE, 'x') });
      expect((await response.arrayBuffer()).byteLength).toBe(SIZE);
    }
  });

  test('what the client calls the server, or what it is called, and a path', async () => {
    const plain = await world([]);
    await get(plain.bad.url);
    expect(plain.headers[0]!.host).toBe(`127.0.0.1:${plain.bad.port}`);
    const told = await world([], { hostHeader: 'target' });
    await get(told.bad.url);
    expect(told.headers[0]!.host).toBe(`127.0.0.1:${told.server.port}`);
    const below = await httpProxy({ to: `http://127.0.0.1:${told.server.port}/api` });
    open.push(below);
    expect(below.url).toBe(`http://127.0.0.1:${below.port}/api`);
  });

  test('a target in absolute form is asked as a path, and names the host', async () => {
    const { bad, asked, headers } = await world([status({ where: '/struck', status: 418 })]);
    const one = client(bad.port);
    one.socket.write(
      'GET http://shop.test/a?b HTTP/1.1\r\nHost: other\r\n\r\nGET http://shop.test/struck HTTP/1.1\r\nHost: other\r\n\r\n',
    );
    await expect.poll(() => one.bytes().toString()).toContain('418');
    expect(asked).toEqual(['GET /a?b']);
    expect(headers[0]!.host).toBe('shop.test');
  });
});

describe('what is not HTTP', () => {
  test.each([
    [
      'a length and a coding',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
    ],
    [
      'a chunk that ends by a bare line feed',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n',
    ],
    ['a request line alone', 'hello\r\n\r\n'],
  ])('of a request goes no further: %s', async (_, text) => {
    const { bad, asked } = await world([]);
    const one = client(bad.port);
    one.socket.write(text);
    await one.ending;
    expect(one.bytes().toString()).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(asked).toEqual([]);
    expect(bad.trace.observations).toMatchObject([
      { kind: 'error', message: expect.stringMatching(/^a request is refused: /) as string },
    ]);
  });

  test.each([
    ['a length and a coding', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok', 'HTTP/1.1 502'],
    ['another answer, unasked', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n', 'HTTP/1.1 200'],
  ])('of an answer goes no further: %s', async (_, text, told) => {
    const server = createTcpServer((socket: Socket) => {
      socket.on('error', () => undefined).once('data', () => socket.write(text));
    });
    const { bad } = await world([], { handle: server as unknown as Server });
    const one = client(bad.port);
    one.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await one.ending;
    expect(
      one
        .bytes()
        .toString()
        .match(/HTTP\/1\.1 \d+/g),
    ).toEqual([told]);
    expect(bad.trace.observations).toMatchObject([{ kind: 'error' }]);
  });
});

describe('a proxy', () => {
  test('whose server does not answer resets, and says why', async () => {
    const { bad, server } = await world([]);
    await server.close();
    expect(await get(bad.url)).toBe(FAILED);
    expect(bad.trace.observations).toMatchObject([{ kind: 'error', message: expect.stringContaining('ECONNREFUSED') as string }]);
  });

  test('whose server goes in the middle of an answer: so it is for the client', async () => {
    const server = createServer((_, outgoing) => {
      outgoing.writeHead(200, { 'content-length': 10 });
      outgoing.write('hello', () => outgoing.destroy());
    });
    const { bad } = await world([latency({ where: '/late', ms: 10 })], { handle: server });
    expect(await get(bad.url)).toMatch(/^terminated: (UND_ERR_SOCKET|ECONNRESET)$/);
    expect(await get(`${bad.url}/late`)).toMatch(/^(terminated|fetch failed): (UND_ERR_SOCKET|ECONNRESET)$/);
  });

  test('is closed with all that is open, in the middle of anything', async () => {
    const entries = [
      blackHole({ where: '/hole' }),
      lostResponse({ where: '/lost', as: 'silence' }),
      latency({ where: '/late', ms: '1h' }),
      reorderRequests({ where: '/held', atMost: '1h' }),
      slowClose({ where: '/end', ms: '1h' }),
      bandwidth({ where: '/slow', bytesPerSecond: 1 }),
      duplicateRequest({ where: '/again', gap: '1h' }),
      hangUp({ where: '/left', after: '1h' }),
      latency({ where: '/left', ms: '1h' }),
    ];
    const { bad } = await world(entries);
    const all = ['hole', 'lost', 'late', 'held', 'end', 'slow', 'again', 'left'].map((path) => get(`${bad.url}/${path}`));
    await expect.poll(() => bad.run.strikes.length).toBe(entries.length);
    await bad.close();
    for (const told of await Promise.all(all)) expect(told).toMatch(/^(n=1|(fetch failed|terminated): .*)$/);
    const kinds = bad.trace.observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'healed')).toHaveLength(entries.length);
  });

  test.each([
    [{ to: 'redis://localhost' }, 'invalid-target'],
    [{ to: 'localhost:1' }, 'invalid-target'],
    [{ to: 'http://localhost:1', hostHeader: 'mine' as never }, 'invalid-option'],
    [{ to: 'http://localhost:1', tls: { key: 'a', cert: 'b' } }, 'invalid-certificate'],
    [{ to: 'http://localhost:1', port: 1.5 }, 'invalid-port'],
  ])('%j is refused', async (options, code) => {
    await expect(httpProxy(options)).rejects.toMatchObject({ code });
  });
});

describe('TLS', () => {
  const tls = certificate();

  test('a certificate can be made', () => {
    expect(tls.cert).toContain('BEGIN CERTIFICATE');
  });

  function ask(url: string): Promise<string> {
    return new Promise((resolve) => {
      const sent = requestSecure(url, { ca: tls.cert, agent: false }, (incoming) => {
        let told = '';
        incoming.setEncoding('utf8').on('data', (chunk: string) => (told += chunk));
        incoming.on('end', () => resolve(told));
        incoming.on('error', (error: NodeJS.ErrnoException) => resolve(`${error.code}`));
      });
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(`${error.code}`));
      sent.end();
    });
  }

  test('ends at the proxy, with a certificate for tests; each fault is as without', async () => {
    const { bad } = await world(
      [
        lostResponse({ where: '/lost' }),
        truncate({ where: '/broken', bytes: 2 }),
        refused({ where: '/refused' }),
        status({ where: '/status', body: 'no' }),
        limitData({ where: '/short', bytes: 2 }),
      ],
      { tls },
    );
    expect(bad.url).toMatch(/^https:/);
    const told = [];
    for (const path of ['/', '/lost', '/broken', '/refused', '/status', '/short', '/']) told.push(await ask(bad.url + path));
    expect(told).toEqual(['n=1', 'ECONNRESET', 'ECONNRESET', 'ECONNRESET', 'no', 'n=', 'n=2']);
  });

  test('begins at the proxy, for a server that is asked by https', async () => {
    const server = createSecureServer(tls, (_, outgoing) => outgoing.end('secret'));
    const listens = await listening(server);
    open.push(listens);
    const bad = await httpProxy({
      to: `https://localhost:${listens.port}`,
      ca: tls.cert,
      plan: plan({}, lostResponse({ nth: 1 })),
    });
    open.push(bad);
    expect([await get(bad.url), await get(bad.url), await get(bad.url)]).toEqual(['secret', FAILED, 'secret']);
    const untrusted = await httpProxy({ to: `https://localhost:${listens.port}` });
    open.push(untrusted);
    expect(await get(untrusted.url)).toBe(FAILED);
    expect(untrusted.trace.observations).toMatchObject([
      { kind: 'error', message: expect.stringContaining('certificate') as string },
    ]);
  });

  test('goes through a TCP proxy untouched, or fails by an alert', async () => {
    const server = createSecureServer(tls, (_, outgoing) => outgoing.end('secret'));
    const listens = await listening(server);
    open.push(listens);
    const bad = await tcpProxy({
      to: `https://localhost:${listens.port}`,
      plan: plan({}, tlsFailure({ nth: 0 }), reset({ nth: 1 })),
    });
    open.push(bad);
    const told = [await ask(bad.url), await ask(bad.url), await ask(bad.url)];
    expect(told).toEqual([expect.stringMatching(/EPROTO|HANDSHAKE_FAILURE/), 'ECONNRESET', 'secret']);
  });
});
