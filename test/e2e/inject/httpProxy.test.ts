import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
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
import { httpProxy, type HttpProxyOptions, type ProxyInjected } from '../../../src/inject/index.ts';
import { systemClock } from '../../../src/time/index.ts';
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
    const response = await fetch(url, { ...init, headers: { ...init?.headers } });
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
    await expect(world([dnsFailure()])).rejects.toThrow(/http-proxy cannot do .*\n.* needs 'refuse-dns'\n.*fetch could/);
    await expect(world([tlsFailure()])).rejects.toThrow(/needs 'refuse-tls'\n.*fetch, tcp-proxy could/);
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
});
