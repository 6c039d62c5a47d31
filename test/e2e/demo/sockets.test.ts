import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { demoApp, serve, type Served } from '../../../src/demo/index.ts';

let server: Served;
beforeEach(async () => {
  server = await serve(demoApp({ work: '20ms' }));
});
afterEach(() => server.close());

/** What the server says to these bytes, until it closes the connection. */
async function says(bytes: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (part: string) => (text += part));
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}
const problemIn = (text: string): unknown => [
  Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]),
  /\r\ncontent-type: (.*)\r\n/i.exec(text)?.[1],
  /"type":"\/problems\/([a-z-]+)"/.exec(text)?.[1],
];
const UPGRADE = 'GET /feed HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';

describe('a problem document answers', () => {
  test.each([
    ['a request without Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'invalid-request'],
    ['a request with two', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400, 'invalid-request'],
    ['an upgrade without Host', UPGRADE.replace('Host: a\r\n', '') + '\r\n', 400, 'invalid-request'],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 400, 'invalid-request'],
    ['an expectation', 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n', 417, 'expectation-failed'],
    ['an upgrade without a key', `${UPGRADE}\r\n`, 400, 'invalid-request'],
  ])('%s', async (_, bytes, status, kind) => {
    expect(problemIn(await says(bytes))).toEqual([status, 'application/problem+json', kind]);
  });

  test('a body that is far too large, while it is still being sent', async () => {
    const size = 12 * 1024 * 1024;
    const head = `POST /reports HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`;
    expect(problemIn(await says(head + ' '.repeat(size)))).toEqual([413, 'application/problem+json', 'too-large']);
  });
});

test('HTTP/1.0 needs no Host', async () => {
  expect(await says('GET /health/live HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test('whoever waits when the server goes down is told so', async () => {
  const app = demoApp();
  let arrive = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const waited = await serve({
    ...app,
    handle: (request) => {
      arrive();
      return app.handle(request);
    },
  });
  const answer = fetch(`${waited.url}/reports?mode=sync`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"work":"1h"}',
  });
  await arrived;
  await waited.close();
  const told = await answer;
  expect([told.status, await told.json()]).toMatchObject([503, { type: '/problems/closing' }]);
});
