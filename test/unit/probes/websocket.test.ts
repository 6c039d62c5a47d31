import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { subject, watch } from '../../../src/index.ts';
import { eventually, formula, is, reach, succeed, type Claim, type Pattern } from '../../../src/logic/index.ts';
import { websocket, type WebSocketOptions } from '../../../src/probes/index.ts';
import { closeSubject, type Subject } from '../../../src/watch/index.ts';

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

/** A server that does to each connection what the list says, the last for all that follow. */
async function serving(...answers: ((socket: WebSocket) => unknown)[]): Promise<{ url: string; heard: string[] }> {
  const heard: string[] = [];
  let connections = 0;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => {
    const n = connections++;
    socket.on('message', (data: Buffer) => void heard.push(`${n} ${data.toString()}`));
    answers[Math.min(n, answers.length - 1)]?.(socket);
  });
  await once(server, 'listening');
  opened.push({
    close: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
      await once(server, 'close');
    },
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, heard };
}

function listening(url: string, options: WebSocketOptions = {}): Subject {
  const watched = subject([websocket(url, options)]);
  opened.push({ close: () => closeSubject(watched) });
  return watched;
}

const seen = (pattern: Pattern): Claim => formula({ formula: eventually(is(pattern)) });
const errors = ({ trace }: Subject): readonly string[] =>
  trace.observations.flatMap((o) => (o.kind === 'error' ? [o.message.replace(/:\d+/, ':N')] : []));

describe('a WebSocket', () => {
  test('tells texts, as JSON where they are JSON, and bytes', async () => {
    const { url, heard } = await serving((socket) => {
      socket.send('hello');
      socket.send(new Uint8Array([1, 255]));
      socket.on('message', () => socket.send('{"id":"op_1","status":"succeeded"}'));
    });
    const watched = listening(url, { send: [{ from: 1 }, 'x'] });
    expect((await watch(watched, succeed())).verdict).toBe('holds');
    expect(watched.trace.observations.slice(0, 4)).toMatchObject([
      { kind: 'message', source: 'websocket', data: 'hello' },
      { kind: 'message', raw: { base64: 'Af8=' } },
      { kind: 'message', keys: ['op_1'], data: { status: 'succeeded' } },
      { kind: 'state', state: 'succeeded', ending: 'success', keys: ['op_1'] },
    ]);
    expect(heard.slice(0, 2)).toEqual(['0 {"from":1}', '0 x']);
  });

  test('that breaks is opened anew, and goes on from what was told last', { timeout: 10_000 }, async () => {
    const { url, heard } = await serving(
      (socket) => {
        socket.send('{"id":"e1"}');
        socket.on('message', () => socket.close(1012, 'restart'));
      },
      (socket) => socket.on('message', () => socket.send('"last"')),
    );
    const watched = listening(url, { send: ['begin'], resume: (last) => ({ after: last?.id }) });
    expect((await watch(watched, seen({ data: 'last' }), { within: '8s' })).verdict).toBe('holds');
    expect(errors(watched)).toEqual(['websocket was closed with 1012: restart']);
    const { observations } = watched.trace;
    expect(observations.flatMap((o) => (o.kind === 'note' ? [o.text] : []))).toEqual(['websocket listens again']);
    expect(heard).toEqual(['0 begin', '1 {"after":"e1"}']);
  });

  test.each<[string, (socket: WebSocket) => unknown, WebSocketOptions, string[]]>([
    ['closed in order', (socket) => socket.close(1000), {}, []],
    [
      'closed for a reason that another try does not mend',
      (socket) => socket.close(4401, 'who are you'),
      {},
      ['websocket was closed with 4401: who are you'],
    ],
    [
      'that tells too much',
      (socket) => socket.send('x'.repeat(200)),
      { maxMessageBytes: 100, reconnect: false },
      ['websocket broke off: Max payload size exceeded'],
    ],
    ['cut, and not to be opened anew', (socket) => socket.terminate(), { reconnect: false }, ['websocket was cut off']],
  ])('%s ends', async (_name, answer, options, told) => {
    const { url } = await serving((socket) => {
      socket.send('1');
      answer(socket);
    });
    const watched = listening(url, options);
    await watch(watched, reach({ state: 'x' }), { within: '10s' });
    expect(errors(watched).slice(0, 1)).toEqual(told);
    expect(watched.trace.observations.at(-1)).toMatchObject({ kind: 'end' });
  });

  test('that is none is told as such, and not tried again', async () => {
    const server = createServer((_request, response) => response.writeHead(404).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.push({ close: async () => (server.closeAllConnections(), server.close(), once(server, 'close')) });
    const watched = listening(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/feed`);
    expect((await watch(watched, succeed(), { within: '10s' })).decidedBy).toBe('broken');
    expect(errors(watched)).toEqual([
      'GET ws://127.0.0.1:N/feed is a WebSocket that is not one: expected 101, received the status 404',
    ]);
  });

  test('that is not there is told, and tried again', async () => {
    const { url } = await serving(() => undefined);
    await opened.pop()!.close();
    const watched = listening(url);
    expect(await watch(watched, succeed(), { within: 100 })).toMatchObject({ verdict: 'undecided', decidedBy: 'broken' });
    expect(errors(watched)[0]).toContain('websocket broke off: connect ECONNREFUSED');
  });

  test('that falls silent is told, and cut', async () => {
    const { url } = await serving((socket) => socket.send('1'));
    const watched = listening(url, { silence: 40, reconnect: false });
    await watch(watched, succeed(), { within: '10s' });
    expect(errors(watched)).toEqual(['websocket has been silent for 40ms']);
  });

  test('that is never opened is silent too', async () => {
    const sockets: Socket[] = [];
    const server = createServer();
    server.on('upgrade', (_request, socket: Socket) => void sockets.push(socket.on('error', () => undefined)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const watched = listening(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, { silence: 40, reconnect: false });
    await watch(watched, succeed(), { within: '4s' });
    expect(errors(watched)).toEqual(['websocket has been silent for 40ms']);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('whose server does not answer that it is closed is cut', async () => {
    const sockets: Socket[] = [];
    const server = createServer();
    server.on('upgrade', ({ headers }, socket: Socket) => {
      sockets.push(socket);
      const accept = createHash('sha1')
        .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      );
      socket
        .on('error', () => undefined)
        .on('end', () => void socket.destroy())
        .resume();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const watched = subject([websocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`)]);
    await watch(watched, succeed(), { within: 50 });
    const cut = once(sockets[0]!, 'close');
    await closeSubject(watched);
    await cut;
    server.close();
    expect(watched.trace.observations.filter(({ kind }) => kind === 'error')).toEqual([]);
  });
});

test.each<[string, WebSocketOptions, string]>([
  ['http://a.test', {}, 'invalid-url'],
  ['ws://ann:pw@a.test', {}, 'invalid-url'],
  ['ws://a.test', { silence: 'x' as never }, 'invalid-duration'],
  ['ws://a.test', { maxMessageBytes: 0 }, 'invalid-option'],
  ['ws://a.test', { protocols: ['a b'] }, 'invalid-option'],
  ['ws://a.test', { protocols: ['a', 'a'] }, 'invalid-option'],
  ['ws://a.test', { protocols: 'a' as never }, 'invalid-option'],
  ['ws://a.test', { resume: 7 as never }, 'not-a-function'],
])('%s with %j is refused', (url, options, code) => {
  expect(() => websocket(url, options)).toThrow(expect.objectContaining({ code }) as Error);
});
