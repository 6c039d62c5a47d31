import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { operation, watch, type Operation } from 'holdfast';
import { reach, succeed } from 'holdfast/logic';

type Answer = (request: IncomingMessage, response: ServerResponse, nth: number) => void;

interface Served {
  readonly url: string;
  /** What was asked, as `GET /op`, with the header fields. */
  readonly asked: readonly { readonly line: string; readonly headers: IncomingMessage['headers'] }[];
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server on a free port of loopback; `nth` counts the requests with the same method and path. */
async function serve(answer: Answer): Promise<Served> {
  const asked: { line: string; headers: IncomingMessage['headers'] }[] = [];
  const server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    const nth = asked.filter((earlier) => earlier.line === line).length;
    asked.push({ line, headers: request.headers });
    answer(request, response, nth);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const linesOf = ({ asked }: Served): string[] => asked.map(({ line }) => line);
const started = (url: string, headers: Record<string, string> = {}): Operation =>
  operation({ url: `${url}/reports`, method: 'POST', body: { rows: 12 }, headers });

describe('an operation over real sockets', () => {
  test('202, a Location that changes, 303, and the result from there', async () => {
    const server = await serve((request, response) => {
      const { url } = request;
      if (url === '/reports') json(response, 202, {}, { location: 'ops/0' });
      else if (url === '/ops/0') json(response, 202, {}, { location: '1' });
      else if (url === '/ops/1') response.writeHead(303, { location: '../results/1?sig=s3cret' }).end();
      else if (url === '/results/1?sig=s3cret') response.writeHead(307, { location: '/files/1' }).end();
      else json(response, 200, { rows: 12 });
    });
    const op = started(server.url);
    expect(await op.result()).toEqual({ rows: 12 });
    expect(linesOf(server)).toEqual(['POST /reports', 'GET /ops/0', 'GET /ops/1', 'GET /results/1?sig=s3cret', 'GET /files/1']);
    expect(op.trace.toJSONL()).not.toContain('s3cret');
  });

  test('a start by fetch, relative Location, and the Response is left to its owner', async () => {
    const server = await serve((request, response) => {
      if (request.method === 'POST') json(response, 202, { id: 7, status: 'queued' }, { location: '/ops/7' });
      else json(response, 200, { status: 'succeeded', result: [1] });
    });
    const response = await fetch(`${server.url}/reports`, { method: 'POST' });
    const op = operation(response);
    expect(await op.accepted).toEqual({ id: '7', dialect: 'location' });
    expect(await op.result()).toEqual([1]);
    expect(await response.json()).toEqual({ id: 7, status: 'queued' });
  });

  test('ETag and 304', async () => {
    const server = await serve((request, response, nth) => {
      if (request.method === 'POST') return json(response, 202, { status: 'queued' }, { location: '/op' });
      if (nth < 3 && request.headers['if-none-match'] === '"run"') return void response.writeHead(304, { etag: '"run"' }).end();
      json(response, 200, { status: nth < 3 ? 'running' : 'succeeded' }, { etag: nth < 3 ? '"run"' : '"end"' });
    });
    const op = started(server.url);
    expect(await watch(op, succeed())).toMatchObject({ verdict: 'holds' });
    const tags = server.asked.filter(({ line }) => line === 'GET /op').map(({ headers }) => headers['if-none-match']);
    expect(tags).toEqual([undefined, '"run"', '"run"', '"run"']);
    expect(op.trace.observations.filter((o) => o.kind === 'state')).toMatchObject([
      { state: 'queued' },
      { state: 'running' },
      { state: 'succeeded' },
    ]);
  });

  test('Retry-After as a date', async () => {
    const times: number[] = [];
    let due = 0;
    const server = await serve((request, response, nth) => {
      if (request.method === 'POST') return json(response, 202, {}, { location: '/op' });
      times.push(Date.now());
      // A date has whole seconds: the next but one is between one and two seconds away.
      due = nth === 0 ? (Math.floor(Date.now() / 1000) + 2) * 1000 : due;
      json(response, nth === 0 ? 202 : 200, {}, nth === 0 ? { 'retry-after': new Date(due).toUTCString() } : {});
    });
    expect(await watch(started(server.url), succeed(), { within: '4s' })).toMatchObject({ verdict: 'holds' });
    expect(times).toHaveLength(2);
    // Timers and the wall clock may differ by a few milliseconds.
    expect(times[1]! - due).toBeGreaterThan(-25);
    expect(times[1]! - due).toBeLessThan(1000);
  });

  test('a redirect to another origin takes no credentials along', async () => {
    const other = await serve((_, response) => json(response, 200, { status: 'succeeded' }));
    const server = await serve((request, response) => {
      if (request.method === 'POST') json(response, 202, { status: 'queued' }, { location: '/op' });
      else response.writeHead(307, { location: `${other.url}/op` }).end();
    });
    const secrets = { authorization: 'Bearer s3cret', cookie: 's=s3cret', 'x-auth-token': 's3cret' };
    const op = started(server.url, secrets);
    expect(await watch(op, succeed())).toMatchObject({ verdict: 'holds' });
    expect(server.asked.map(({ headers }) => headers)).toMatchObject([secrets, secrets]);
    expect(linesOf(other)).toEqual(['GET /op']);
    expect(JSON.stringify(other.asked)).not.toContain('s3cret');
    expect(op.trace.toJSONL()).not.toContain('s3cret');
  });

  test('a monitor that hangs is told as hung, and its request is given up', async () => {
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const server = await serve((request, response) => {
      if (request.method === 'POST') json(response, 202, { status: 'queued' }, { location: '/op' });
      else response.on('close', () => closed?.());
    });
    expect(await watch(started(server.url), succeed(), { within: '150ms' })).toMatchObject({ decidedBy: 'hung' });
    await gone;
  });

  test('a body that hangs half-way is given up too', async () => {
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const server = await serve((request, response) => {
      if (request.method === 'POST') return json(response, 202, { status: 'queued' }, { location: '/op' });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{"status":');
      response.on('close', () => closed?.());
    });
    expect(await watch(started(server.url), succeed(), { within: '150ms' })).toMatchObject({ decidedBy: 'hung' });
    await gone;
  });

  test('connections that are reset, before and within an answer, are looks that failed', async () => {
    const server = await serve((request, response, nth) => {
      if (request.method === 'POST') return json(response, 202, { status: 'queued' }, { location: '/op' });
      if (nth === 0) return void request.socket.resetAndDestroy();
      if (nth > 1) return json(response, 200, { status: 'succeeded' });
      response.writeHead(200, { 'content-length': '100' }).write('{"status":', () => request.socket.resetAndDestroy());
    });
    const op = started(server.url);
    expect(await watch(op, succeed())).toMatchObject({ verdict: 'holds' });
    expect(op.trace.observations.filter((o) => o.kind === 'no-response')).toMatchObject([
      { reason: 'reset' },
      { reason: 'reset' },
    ]);
  });

  test('a start that is reset is not sent again', async () => {
    const server = await serve((request) => void request.socket.resetAndDestroy());
    const op = started(server.url);
    expect(await watch(op, reach({ state: 'running' }), { within: '200ms' })).toMatchObject({ decidedBy: 'broken' });
    await expect(op.accepted).rejects.toThrow('the start failed: fetch failed');
    expect(linesOf(server)).toEqual(['POST /reports']);
  });

  const MEGABYTE = 1024 * 1024;
  test.each<[string, Answer]>([
    [
      '20 MB',
      (_, response) =>
        void response.writeHead(200, { 'content-length': String(20 * MEGABYTE) }).end(Buffer.alloc(20 * MEGABYTE, 97)),
    ],
    [
      '20 MB that are 20 kB on the wire',
      (_, response) =>
        void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(20 * MEGABYTE, 97))),
    ],
  ])('a body of %s is read up to a bound', async (_, answer) => {
    const server = await serve((request, response, nth) => {
      if (request.method === 'POST') json(response, 202, { status: 'queued' }, { location: '/op' });
      else if (nth === 0) answer(request, response, nth);
      else json(response, 200, { status: 'succeeded' });
    });
    const op = started(server.url);
    expect(await watch(op, succeed())).toMatchObject({ verdict: 'holds' });
    expect(op.trace.observations.filter((o) => o.kind === 'error')).toMatchObject([
      { message: `GET ${server.url}/op answered 200 with a body of more than 8388608 bytes, which is the most that is read` },
    ]);
    expect(op.trace.toJSONL().length).toBeLessThan(200_000);
  });
});
