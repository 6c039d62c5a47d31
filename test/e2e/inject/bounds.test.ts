/** What both proxies bound, and how they tell it; and what lives long under faults: events and WebSockets. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';
import { afterEach, describe, expect, test } from 'vitest';
import {
  bandwidth,
  hangUp,
  latency,
  limitData,
  lostResponse,
  plan,
  slicer,
  status,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { httpProxy, tcpProxy, type ProxyInjected, type ProxyOptions } from '../../../src/inject/index.ts';
import { systemClock } from '../../../src/time/index.ts';
import { client as plainClient, listening, type Seen } from './sockets.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const KINDS = { tcpProxy, httpProxy } as const;
const names = Object.keys(KINDS) as readonly (keyof typeof KINDS)[];

async function before(
  kind: keyof typeof KINDS,
  server: Server,
  options: Omit<ProxyOptions, 'plan'> = {},
  ...entries: readonly Entry[]
): Promise<ProxyInjected> {
  const real = await listening(server);
  open.push(real);
  const to = `http://127.0.0.1:${real.port}`;
  const bad = await KINDS[kind]({ to, plan: plan({ seed: 1 }, ...entries), ...options });
  open.push(bad);
  return bad;
}

function client(port: number): Seen {
  const one = plainClient(port);
  open.push({ close: () => Promise.resolve(void one.socket.destroy()) });
  return one;
}

const errors = ({ trace }: ProxyInjected): string[] =>
  trace.observations.flatMap((one) => (one.kind === 'error' ? [one.message] : []));

const ASK = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const hello = (): Server => createServer((_, outgoing) => outgoing.end('hello'));

describe.each(names)('%s', (kind) => {
  test('turns away whom it has no room for, tells it, and takes the next once one has gone', async () => {
    const bad = await before(kind, hello(), { maxConnections: 2 });
    const [first, second] = [client(bad.port), client(bad.port)];
    for (const one of [first, second]) {
      one.socket.write(ASK);
      await one.until(1);
    }
    const third = client(bad.port);
    expect(['end', 'ECONNRESET', 'close']).toContain(await third.ending);
    expect(third.bytes()).toHaveLength(0);
    await expect.poll(() => errors(bad)).toEqual(['more than 2 connections at once: turned away']);
    first.socket.destroy();
    await expect
      .poll(async () => {
        const next = client(bad.port);
        next.socket.write(ASK);
        await Promise.race([next.until(1), next.ending]);
        return next.bytes().length > 0;
      })
      .toBe(true);
  });

  test.each<[string, Entry[]]>([
    ['where nothing is done to it', []],
    ['where its answer is late', [latency({ ms: 1 })]],
  ])('gives up a connection on which nothing passes, %s, and tells it', async (_, entries) => {
    const bad = await before(kind, hello(), { idle: '150ms' }, ...entries);
    const one = client(bad.port);
    one.socket.write(ASK);
    await one.until(1);
    const from = systemClock.now();
    expect(['end', 'ECONNRESET', 'close']).toContain(await one.ending);
    // A timer may come a little early, and bytes had passed before they were seen.
    expect(systemClock.now() - from).toBeGreaterThan(50);
    await expect.poll(() => errors(bad)[0]).toBe('nothing passed for 150 ms: the connection is given up');
  });

  test('what passes now and then is not given up', async () => {
    let stream: ServerResponse | undefined;
    const bad = await before(
      kind,
      createServer((_, outgoing) => void (stream = outgoing.writeHead(200))),
      { idle: '2s' },
    );
    const one = client(bad.port);
    one.socket.write(ASK);
    await expect.poll(() => stream).toBeDefined();
    for (let n = 0; n < 6; n++) {
      await systemClock.sleep(500);
      stream!.write('.');
    }
    await expect.poll(() => one.bytes().toString().split('\r\n1\r\n.').length).toBe(7);
    expect(errors(bad)).toEqual([]);
  });

  test.each<[string, ProxyOptions, string]>([
    ['no connection', { maxConnections: 0 }, 'invalid-option'],
    ['half of one', { maxConnections: 1.5 }, 'invalid-option'],
    ['no time', { idle: 0 }, 'invalid-option'],
    ['a time that is none', { idle: 'soon' as never }, 'invalid-duration'],
  ])('%s is no bound', async (_, options, code) => {
    await expect(KINDS[kind]({ to: 'http://127.0.0.1:9', ...options })).rejects.toMatchObject({ code });
  });
});

test('a request that was to end early is no longer than it has told, though it is healed meanwhile', async () => {
  const asked: string[] = [];
  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      asked.push(`${incoming.method} ${body}`);
      outgoing.end('taken');
    });
  });
  const entries = [limitData({ bytes: 10, side: 'request', nth: 0 }), slicer({ size: 1, gap: 60, side: 'request', nth: 0 })];
  const bad = await before('httpProxy', server, {}, ...entries);
  const one = client(bad.port);
  one.socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n${'0123456789'.repeat(4)}`);
  await expect.poll(() => bad.run.strikes.length).toBe(2);
  bad.heal();
  await expect.poll(() => asked).toEqual(['POST 0123456789']);
  one.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await expect.poll(() => asked).toEqual(['POST 0123456789', 'GET ']);
});

describe('events under faults', () => {
  /** Five events at once, then none; the connection stays open. */
  const events = (): Server =>
    createServer((_, outgoing) => {
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let n = 1; n <= 5; n++) outgoing.write(`data: ${n}\n\n`);
    });
  const FIVE = [1, 2, 3, 4, 5].map((n) => `data: ${n}\n\n`).join('');

  test.each<[string, Entry, { least?: number; text?: string; failed?: string }]>([
    ['late', latency({ ms: 100 }), { least: 100 }],
    ['in pieces', slicer({ size: 9, gap: 20 }), { least: 80 }],
    ['on a narrow line', bandwidth({ bytesPerSecond: 300 }), { least: 80 }],
    ['broken off in the middle of one', truncate({ bytes: 13 }), { text: FIVE.slice(0, 13), failed: 'terminated' }],
    ['lost', lostResponse(), { text: '', failed: 'fetch failed' }],
    ['to a client that leaves', hangUp({ after: 0 }), { text: '', failed: 'fetch failed' }],
  ])('come %s', async (_, entry, { least = 0, text = FIVE, failed }) => {
    const bad = await before('httpProxy', events(), {}, entry);
    const from = systemClock.now();
    let told = '';
    let why: string | undefined;
    try {
      for await (const chunk of (await fetch(bad.url)).body! as AsyncIterable<Uint8Array>) {
        told += Buffer.from(chunk).toString();
        if (told.length >= FIVE.length) break;
      }
    } catch (error) {
      why = (error as Error).message;
    }
    expect([told, why]).toEqual([text, failed]);
    expect(systemClock.now() - from).toBeGreaterThanOrEqual(least);
  });
});

describe('a WebSocket under faults', () => {
  async function echo(...entries: readonly Entry[]): Promise<{ readonly socket: WebSocket; readonly accepted: () => number }> {
    const server = createServer();
    const accepting = new WebSocketServer({ server });
    let accepted = 0;
    accepting.on('connection', (one) => {
      accepted++;
      one.on('error', () => undefined);
      one.on('message', (data: Buffer) => one.send(`echo ${data.toString()}`));
    });
    const bad = await before('httpProxy', server, {}, ...entries);
    const socket = new WebSocket(bad.url.replace('http', 'ws'));
    open.push({ close: () => Promise.resolve(socket.terminate()) });
    return { socket, accepted: () => accepted };
  }

  test.each<[string, Entry, number]>([
    ['late, each of its messages', latency({ ms: 100 }), 100],
    ['in pieces', slicer({ size: 4, gap: 20 }), 40],
  ])('goes on %s', async (_, entry, least) => {
    const { socket } = await echo(entry);
    await once(socket, 'open');
    for (const text of ['one', 'two']) {
      const from = systemClock.now();
      const answer = once(socket, 'message');
      socket.send(text);
      expect(String((await answer)[0])).toBe(`echo ${text}`);
      expect(systemClock.now() - from).toBeGreaterThanOrEqual(least);
    }
  });

  test.each<[string, Entry, RegExp, number]>([
    ['is answered otherwise', status({ status: 503 }), /Unexpected server response: 503/, 0],
    ['is accepted, and its client never hears of it', lostResponse(), /ECONNRESET|socket hang up/, 1],
  ])('%s', async (_, entry, message, many) => {
    const { socket, accepted } = await echo(entry);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toMatch(message);
    await expect.poll(accepted).toBe(many);
  });
});
