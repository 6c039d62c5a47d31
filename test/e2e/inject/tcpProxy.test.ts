import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import {
  bandwidth,
  blackHole,
  corrupt,
  hangUp,
  latency,
  limitData,
  plan,
  refused,
  reset,
  slicer,
  slowClose,
  status,
  tlsFailure,
  truncate,
  type Entry,
} from '../../../src/faults/index.ts';
import { tcpProxy, type ProxyInjected } from '../../../src/inject/index.ts';
import { systemClock } from '../../../src/time/index.ts';
import { client as plainClient, serve, watched, type Listening, type Seen } from './sockets.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function client(port: number): Seen {
  const one = plainClient(port);
  open.push({ close: () => Promise.resolve(void one.socket.destroy()) });
  return one;
}

/** What the server saw of the bytes, and of how they ended. */
interface World {
  readonly server: Listening;
  readonly bad: ProxyInjected;
  readonly arrived: Seen[];
}

/** A server that sends back what it gets, and ends when its client does. */
async function echo(entries: readonly Entry[], until?: number): Promise<World> {
  const arrived: Seen[] = [];
  const server = await serve((socket) => {
    arrived.push(watched(socket));
    socket.pipe(socket);
  });
  open.push(server);
  const bad = await tcpProxy({ to: `127.0.0.1:${server.port}`, plan: plan({ seed: 1, until }, ...entries) });
  open.push(bad);
  return { server, bad, arrived };
}

const SENT = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz');
const ALL = /^0123456789abcdefghijklmnopqrstuvwxyz$/;

/** Sends, half-closes, and waits for how it ends. */
async function ask(port: number, sent = SENT): Promise<{ readonly got: string; readonly how: string; readonly ms: number }> {
  const from = systemClock.now();
  const one = client(port);
  one.socket.end(sent);
  const how = await one.ending;
  const ms = systemClock.now() - from;
  one.socket.destroy();
  return { got: one.bytes().toString('latin1'), how, ms };
}

describe('the toxics of Toxiproxy, and what else is done to a connection', () => {
  /** Each with Toxiproxy's own name and parameters, where it has one; what a client sees, and the least time that it takes. */
  test.each<[string, Entry, { got: RegExp; how: string; least?: number }]>([
    ['nothing', reset({ where: 'another' }), { got: ALL, how: 'end' }],
    ['latency { latency: 150 }, downstream', latency({ ms: 150 }), { got: ALL, how: 'end', least: 150 }],
    ['latency { latency: 150 }, upstream', latency({ ms: 150, side: 'request' }), { got: ALL, how: 'end', least: 150 }],
    ['bandwidth { rate }', bandwidth({ bytesPerSecond: 180 }), { got: ALL, how: 'end', least: 190 }],
    ['slow_close { delay: 150 }', slowClose({ ms: 150 }), { got: ALL, how: 'end', least: 150 }],
    ['timeout { timeout: 150 }', blackHole({ closeAfter: 150 }), { got: /^$/, how: 'ECONNRESET', least: 150 }],
    ['reset_peer { timeout: 0 }', reset(), { got: /^$/, how: 'ECONNRESET' }],
    [
      'reset_peer { timeout: 150 }, downstream',
      reset({ after: 150, side: 'response' }),
      { got: /^$/, how: 'ECONNRESET', least: 150 },
    ],
    ['slicer { average_size: 5, delay }', slicer({ size: 5, gap: 20 }), { got: ALL, how: 'end', least: 140 }],
    ['limit_data { bytes: 10 }', limitData({ bytes: 10 }), { got: /^0123456789$/, how: 'end' }],
    ['limit_data { bytes: 10 }, upstream', limitData({ bytes: 10, side: 'request' }), { got: /^(0123456789)?$/, how: 'end' }],
    ['down (enabled: false)', refused(), { got: /^$/, how: 'ECONNRESET' }],
    ['a connection that breaks off', truncate({ bytes: 10 }), { got: /^0123456789$/, how: 'ECONNRESET' }],
    ['a client that leaves', hangUp({ after: 0 }), { got: /^$/, how: 'ECONNRESET' }],
    ['a handshake that fails', tlsFailure(), { got: new RegExp(`^${String.fromCharCode(21, 3, 3, 0, 2, 2)}[(]$`), how: 'end' }],
  ])('%s', async (_, entry, { got, how, least = 0 }) => {
    const { bad } = await echo([entry]);
    const seen = await ask(bad.port);
    expect(seen.how).toBe(how);
    expect(seen.got).toMatch(got);
    expect(seen.ms).toBeGreaterThanOrEqual(least);
    // It is over for the trace too, once the connection is.
    await bad.close();
    const kinds = bad.trace.observations.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'healed')).toHaveLength(kinds.filter((kind) => kind === 'fault').length);
  });

  test('toxicity: each connection is drawn for by itself, and the same for the same seed', async () => {
    const run = async (): Promise<string[]> => {
      const { bad } = await echo([refused({ probability: 0.5 })]);
      const told: string[] = [];
      for (let i = 0; i < 12; i++) told.push((await ask(bad.port)).how);
      return told;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set(['end', 'ECONNRESET']));
    expect(await run()).toEqual(first);
  });

  test('bits are turned over, the same for the same seed', async () => {
    const run = async (): Promise<string> => (await ask((await echo([corrupt({ oneIn: 1 })])).bad.port)).got;
    const first = await run();
    expect(first).toHaveLength(SENT.length);
    expect(SENT.some((byte, i) => byte === first.charCodeAt(i))).toBe(false);
    expect(await run()).toBe(first);
  });
});

describe('what the server sees', () => {
  test('of a reset before it: a connection without a byte', async () => {
    const { bad, arrived } = await echo([reset()]);
    await ask(bad.port);
    await expect.poll(() => arrived.length).toBe(1);
    expect(await arrived[0]!.ending).toBe('ECONNRESET');
    expect(arrived[0]!.bytes()).toHaveLength(0);
  });

  test('of a client that leaves: all that it sent, and no end', async () => {
    const { bad, arrived } = await echo([hangUp({ after: 50 })]);
    const one = client(bad.port);
    one.socket.write(SENT);
    expect(await one.until(SENT.length)).toEqual(SENT);
    expect(await one.ending).toBe('ECONNRESET');
    expect(arrived[0]!.bytes()).toEqual(SENT);
    expect(arrived[0]!.socket.readableEnded).toBe(false);
    // It goes on: what it sends is nobody's.
    arrived[0]!.socket.write('more');
    await expect.poll(() => arrived[0]!.socket.bytesWritten).toBe(SENT.length + 4);
    expect(arrived[0]!.socket.destroyed).toBe(false);
  });

  test('of a black hole for its answers: the work is done', async () => {
    const { bad, arrived } = await echo([blackHole({ side: 'response' })]);
    const one = client(bad.port);
    one.socket.write(SENT);
    await expect.poll(() => arrived[0]?.bytes().length).toBe(SENT.length);
    expect(one.bytes()).toHaveLength(0);
    bad.heal();
    expect(await one.ending).toBe('ECONNRESET');
  });

  test('of an end after so many bytes: those, and an end', async () => {
    const { bad, arrived } = await echo([limitData({ bytes: 10, side: 'request' })]);
    const one = client(bad.port);
    one.socket.write(SENT);
    await one.ending;
    await arrived[0]!.ending;
    expect(arrived[0]!.bytes().toString()).toBe('0123456789');
  });
});

describe('what is healed', () => {
  test('passes as it is from then on, on the connection that was harmed', async () => {
    const { bad } = await echo([bandwidth({ bytesPerSecond: 1 }), corrupt({ oneIn: 1, nth: 99 })]);
    const one = client(bad.port);
    one.socket.write(SENT);
    await one.until(1);
    bad.heal();
    expect(await one.until(SENT.length)).toEqual(SENT);
    one.socket.end();
    expect(await one.ending).toBe('end');
  });

  test('heals by itself when the plan is over', async () => {
    const { bad } = await echo([latency({ ms: '1h' })], 100);
    const seen = await ask(bad.port);
    expect(seen).toMatchObject({ how: 'end', got: SENT.toString() });
    expect(bad.run.isHealed).toBe(true);
    expect((await ask(bad.port)).ms).toBeLessThan(60_000);
  });
});

describe('what passes', () => {
  test('ends one way alone, and goes on the other way', async () => {
    const { bad } = await echo([]);
    const one = client(bad.port);
    one.socket.end(SENT);
    expect(await one.ending).toBe('end');
    expect(one.bytes()).toEqual(SENT);
  });

  test('a reset of either side is a reset for the other', async () => {
    const { bad, arrived } = await echo([]);
    const [first, second] = [client(bad.port), client(bad.port)];
    first.socket.write('a');
    await first.until(1);
    second.socket.write('b');
    await second.until(1);
    arrived[0]!.socket.resetAndDestroy();
    expect(await first.ending).toBe('ECONNRESET');
    second.socket.resetAndDestroy();
    expect(await arrived[1]!.ending).toBe('ECONNRESET');
  });

  test('a target that does not answer is told by a reset, and in the trace', async () => {
    const { bad, server } = await echo([]);
    await server.close();
    expect((await ask(bad.port)).how).toBe('ECONNRESET');
    expect(bad.trace.observations).toMatchObject([{ kind: 'error', message: expect.stringContaining('ECONNREFUSED') as string }]);
  });

  test('whoever sends is held back while nobody reads', async () => {
    const sizes: number[] = [];
    const server = await serve((socket) => {
      const more = (): void => {
        while (socket.write(Buffer.alloc(65_536)));
        sizes.push(socket.bytesWritten);
      };
      socket.on('drain', more);
      more();
    });
    open.push(server);
    const bad = await tcpProxy({ to: `127.0.0.1:${server.port}` });
    open.push(bad);
    const one = connect({ port: bad.port, host: '127.0.0.1' }).pause();
    open.push({ close: () => Promise.resolve(void one.destroy()) });
    // Once the buffers of the kernel are full nothing goes on.
    let last = -1;
    await expect
      .poll(
        () => {
          const now = sizes.at(-1) ?? 0;
          const isSame = now === last;
          last = now;
          return isSame;
        },
        { interval: 300, timeout: 20_000 },
      )
      .toBe(true);
    expect(last).toBeLessThan(64_000_000);
  });

  test('a gigabyte streams through, whole, with flat memory', { timeout: 120_000 }, async () => {
    const CHUNK = Buffer.alloc(1_048_576, 'holdfast');
    const MANY = 1024;
    const server = await serve((socket) => {
      let left = MANY;
      const more = (): void => {
        while (left > 0) {
          left--;
          if (!socket.write(CHUNK)) return;
        }
        socket.end();
      };
      socket.on('drain', more);
      more();
    });
    open.push(server);
    const bad = await tcpProxy({ to: `127.0.0.1:${server.port}` });
    open.push(bad);
    const socket = connect({ port: bad.port, host: '127.0.0.1' });
    let size = 0;
    let most = 0;
    const hash = createHash('md5');
    const sent = createHash('md5');
    for (let i = 0; i < MANY; i++) sent.update(CHUNK);
    const before = process.memoryUsage.rss();
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      size += chunk.length;
      hash.update(chunk);
      most = Math.max(most, process.memoryUsage.rss() - before);
    }
    expect(size).toBe(CHUNK.length * MANY);
    expect(hash.digest('hex')).toBe(sent.digest('hex'));
    expect(most).toBeLessThan(200_000_000);
  });
});

describe('a proxy', () => {
  test('is closed with all that is open, in the middle of anything', async () => {
    const { bad } = await echo([blackHole({ nth: 0 }), latency({ ms: '1h', nth: 1 }), slowClose({ ms: '1h', nth: 2 })]);
    const all = [client(bad.port), client(bad.port), client(bad.port), client(bad.port)];
    for (const one of all) one.socket.write(SENT);
    await all[3]!.until(SENT.length);
    await bad.close();
    for (const one of all) expect(['ECONNRESET', 'end', 'close']).toContain(await one.ending);
    for (const one of all) one.socket.destroy();
  });

  test.each([
    ['localhost:6379', undefined],
    ['[::1]:6379', undefined],
    ['redis://user:secret@localhost/0', /^redis:\/\/user:secret@127\.0\.0\.1:\d+\/0$/],
    ['http://localhost:3000', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['https://localhost/api/', /^https:\/\/127\.0\.0\.1:\d+\/api\/$/],
  ])('leads to %s', async (to, url = /^tcp:\/\/127\.0\.0\.1:\d+$/) => {
    const bad = await tcpProxy({ to });
    expect(bad.url).toMatch(url);
    await bad.close();
  });

  test.each([['localhost'], [''], ['localhost:0'], ['localhost:99999'], ['gopher://host'], [7 as never]])(
    '%j is no target',
    async (to) => {
      await expect(tcpProxy({ to })).rejects.toMatchObject({ code: 'invalid-target' });
    },
  );

  test('a plan with what is done to exchanges is refused, with who could', async () => {
    await expect(tcpProxy({ to: 'localhost:1', plan: plan({}, status()) })).rejects.toThrow(
      /'status \*\*' needs 'respond'\n.*http-proxy/,
    );
    await expect(tcpProxy({ to: 'localhost:1', port: -1 })).rejects.toMatchObject({ code: 'invalid-port' });
  });
});
