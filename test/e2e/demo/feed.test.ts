import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { systemClock, virtualClock } from 'holdfast/time';

const EVENTS = 20_000;

let server: Served;
beforeEach(async () => {
  server = await serve(demoApp({ work: '100ms' }));
});
afterEach(async () => {
  vi.doUnmock('ws');
  await server.close();
});

const feedOf = ({ url }: Served): string => `${url.replace('http', 'ws')}/feed`;

async function logIn(user: string): Promise<string> {
  const body = JSON.stringify({ user, password: `${user}-demo` });
  const login = await fetch(`${server.url}/login`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return ((await login.json()) as { token: string }).token;
}

interface Heard {
  readonly n: number;
  readonly type: string;
}

/** A client that keeps what it hears. */
function open(headers: Record<string, string> = {}): { socket: WebSocket; heard: Heard[]; ended: Promise<string> } {
  const socket = new WebSocket(feedOf(server), { headers });
  const heard: Heard[] = [];
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Heard));
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`));
  });
  return { socket, heard, ended };
}

/** What a server answers to bytes, until it closes. */
async function raw(text: string, isAll = false): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  socket.on('error', () => undefined);
  if (isAll) socket.end(text);
  else socket.write(text);
  await once(socket, 'close');
  return answer;
}

const upgrade = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`;

describe('GET /feed', () => {
  test('tells an operation from its order to its end, as it happens', async () => {
    const { socket, heard } = open();
    await once(socket, 'open');
    socket.send('{"from":"now"}');
    await fetch(`${server.url}/reports`, { method: 'POST' });
    while (heard.at(-1)?.type !== 'report.created') await once(socket, 'message');
    const types = heard.map(({ type }) => type);
    expect([types[0], types.at(-2)]).toEqual(['operation.accepted', 'operation.succeeded']);
    expect(types.filter((type) => type === 'operation.progressed')).toHaveLength(9);
    socket.close();
    await once(socket, 'close');
  });

  test('tells a user what is theirs', async () => {
    const { socket, heard } = open({ authorization: `Bearer ${await logIn('ann')}` });
    await once(socket, 'open');
    socket.send('{}');
    while (heard.length < 2) await once(socket, 'message');
    expect(heard.map(({ n }) => n)).toEqual([1, 2]);
    socket.terminate();
    await once(socket, 'close');
  });

  test('closes what is too large, what is no text and what it does not understand', async () => {
    const ends: string[] = [];
    for (const message of ['x'.repeat(5_000), Buffer.from('{}'), 'nonsense']) {
      const { socket, ended } = open();
      await once(socket, 'open');
      socket.send(message);
      ends.push(await ended);
    }
    expect(ends).toEqual([
      expect.stringMatching(/^1009/),
      '1008 expected text, received bytes',
      '1008 expected a JSON object, received "nonsense"',
    ]);
  });

  test('closes 1001 when the server goes down', async () => {
    const { socket, ended } = open();
    await once(socket, 'open');
    await server.close();
    expect(await ended).toBe('1001 the server is going down');
  });

  test('is cut when the server goes down and the client says nothing to that', async () => {
    const socket = connect(server.port, '127.0.0.1');
    socket.write(upgrade('/feed'));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 101/);
    socket.resume();
    const ended = once(socket, 'close');
    await server.close();
    expect(await ended).toBeDefined();
  });

  test('is refused as any request is', async () => {
    expect(await raw(upgrade('/feed', 'Authorization: Bearer x\r\n'))).toMatch(/^HTTP\/1.1 401 Unauthorized[\s\S]*invalid-token/);
    expect(await raw(upgrade('/feed', 'Origin: http://evil.test\r\n'))).toMatch(/^HTTP\/1.1 403 Forbidden[\s\S]*foreign-origin/);
  });

  test('an upgrade of anything else is declined by an answer', async () => {
    expect(await raw(upgrade('/airports'), true)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*AMS/);
    const h2c = 'GET /feed HTTP/1.1\r\nHost: demo.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';
    expect(await raw(h2c, true)).toMatch(/^HTTP\/1.1 426 Upgrade Required[\s\S]*upgrade-required/);
  });

  test('says what to install where ws is missing', async () => {
    vi.doMock('ws', () => {
      throw new Error('not there');
    });
    expect(await raw(upgrade('/feed'))).toMatch(/^HTTP\/1.1 501 Not Implemented[\s\S]*npm install ws/);
  });
});

describe('streams over a socket', () => {
  test('tell an operation to its end, then close', async () => {
    const started = await fetch(`${server.url}/reports`, { method: 'POST' });
    const monitor = `${server.url}${started.headers.get('location')}`;
    const told = await (await fetch(monitor, { headers: { accept: 'text/event-stream' } })).text();
    expect(told).toMatch(/^retry: 2000\n\n(?:id: \d+\nevent: operation\ndata: \{.*\}\n\n)+$/);
    expect(told).toContain('"status":"succeeded"');
  });

  test('cut a client that reads nothing for 30 seconds of the clock', async () => {
    const clock = virtualClock();
    const app = demoApp({ clock });
    const other = await serve(app);
    const send = (method: string, path: string, body: object, headers: Record<string, string>): Promise<Response> =>
      app.fetch(path, { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
    const login = await send('POST', '/login', { user: 'ann', password: 'ann-demo' }, {});
    const authorization = `Bearer ${((await login.json()) as { token: string }).token}`;
    const customer = (nth: number): object => ({ name: 'x'.repeat(200), email: `${nth}${'y'.repeat(200)}@example.test` });
    const made = await send('POST', '/customers', customer(0), { authorization });
    const path = made.headers.get('location') ?? '';
    // More than what lies between will hold.
    for (let i = 1; i <= EVENTS; i++) await send('PUT', path, customer(i), { authorization, 'if-match': '*' });
    const socket = connect(other.port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write(`GET /events HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nAccept: text/event-stream\r\n\r\n`);
    // Now it waits for the client.
    while (clock.pending.count === 0) await systemClock.sleep(1);
    await clock.advance(30_000);
    let told = '';
    socket.on('data', (chunk: Buffer) => {
      told += chunk.toString();
    });
    socket.resume();
    await once(socket, 'close');
    expect(told).toMatch(/id: evt_00000001/);
    expect(told).not.toContain(`"version":${EVENTS}`);
    await other.close();
  });

  test('end when the server goes down, and the answer to HEAD has no body', async () => {
    const headers = { accept: 'text/event-stream' };
    const head = await fetch(`${server.url}/events`, { method: 'HEAD', headers });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const told = (await fetch(`${server.url}/events`, { headers })).text();
    await server.close();
    expect(await told).toMatch(/^retry: 2000/);
  });
});
