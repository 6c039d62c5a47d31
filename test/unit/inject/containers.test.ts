/**
 * Containers, by an Engine that keeps what is asked of it: what is done where nobody is root, in which order, and what is on disk before.
 * What real containers do is in test/e2e/inject.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kill, partition, pause, plan, restart, type Entry } from '../../../src/faults/index.ts';
import { containers, type HarmedWorld } from '../../../src/inject/index.ts';

interface State {
  Running: boolean;
  Paused: boolean;
  networks: Record<string, Record<string, unknown>>;
  ports: Record<string, { HostPort?: string }[]>;
  mode: string;
  isRemoved: boolean;
}

let engine: Server;
let docker: string;
let folder: string;
let state: State;
/** What was asked beside looking, and what the journal told by then. */
let asked: string[];
let onDisk: string[];
/** Which request the Engine cannot do. */
let fails: RegExp | undefined;

const told = (): string[] =>
  readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"harm"'))
      .map((line) => (JSON.parse(line) as { harm: string }).harm),
  );

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-engine-'));
  state = {
    Running: true,
    Paused: false,
    networks: { shop: { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.7' }, MacAddress: '02:42' } },
    ports: { '6379/tcp': [{ HostPort: '6379' }] },
    mode: 'shop',
    isRemoved: false,
  };
  asked = [];
  onDisk = [];
  fails = undefined;
  engine = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '' } = incoming;
      const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
      if (method === 'GET') {
        const { Running, Paused, networks, ports, mode, isRemoved } = state;
        const HostConfig = { NetworkMode: mode, PortBindings: ports, AutoRemove: isRemoved };
        const found = { Id: 'c0', State: { Running, Paused, Pid: 7 }, HostConfig, NetworkSettings: { Networks: networks } };
        return void outgoing.end(JSON.stringify(found));
      }
      asked.push(`${method} ${url}`);
      onDisk.push(...told());
      if (fails?.test(url) === true) return void outgoing.writeHead(500).end('{"message":"the Engine is busy"}');
      if (url.endsWith('/disconnect')) {
        expect(body).toEqual({ Container: 'c0', Force: true });
        state.networks = {};
      }
      if (url.endsWith('/connect')) state.networks = { shop: body['EndpointConfig'] as Record<string, unknown> };
      if (url.endsWith('/pause')) state.Paused = true;
      if (url.endsWith('/unpause')) state.Paused = false;
      if (url.includes('/kill')) state.Running = false;
      if (url.endsWith('/start')) state.Running = true;
      outgoing.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', () => resolve()));
  docker = `tcp://127.0.0.1:${(engine.address() as AddressInfo).port}`;
});
afterEach(async () => {
  engine.closeAllConnections();
  await new Promise((resolve) => engine.close(resolve));
  rmSync(folder, { recursive: true });
});

const make = (...entries: readonly Entry[]): Promise<HarmedWorld> =>
  containers({ targets: { redis: 'c0' }, docker, journal: folder, plan: plan({ seed: 1 }, ...entries) });

describe('where nobody may set rules', () => {
  test('a container that is cut off is taken from its networks, and gets back what was chosen there', async () => {
    const bad = await make();
    await bad.act({ do: 'partition', target: 'redis', way: 'both' });
    expect([asked, state.networks]).toEqual([['POST /networks/shop/disconnect'], {}]);
    // What undoes it is on disk before.
    expect(onDisk).toEqual(['partition redis (both)']);
    await bad.close();
    expect(asked.slice(1)).toEqual(['POST /networks/shop/connect']);
    expect(state.networks).toEqual({ shop: { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.7' } } });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('by a plan, and back at its end', async () => {
    const bad = await make(partition({ target: 'redis', until: 20 }));
    await expect.poll(() => asked).toEqual(['POST /networks/shop/disconnect', 'POST /networks/shop/connect']);
    await bad.close();
    expect(asked).toHaveLength(2);
  });

  test.each<[string, () => void, Entry, string, RegExp]>([
    [
      'one way',
      () => undefined,
      partition({ target: 'redis', way: 'in' }),
      'cannot-partition',
      /one way .* takes rules\n.*root/s,
    ],
    [
      'where its ports would be others',
      () => (state.ports = { '6379/tcp': [{ HostPort: '0' }] }),
      partition({ target: 'redis' }),
      'cannot-partition',
      /come back with other ports/,
    ],
    [
      'where it has the network of another',
      () => (state.mode = 'container:other'),
      partition({ target: 'redis' }),
      'cannot-partition',
      /no network of its own\n.*a proxy between/s,
    ],
    [
      'for good, where it is removed when it ends',
      () => (state.isRemoved = true),
      kill({ target: 'redis' }),
      'cannot-inject',
      /--rm/,
    ],
  ])('a container is not harmed %s, and nothing is asked of the Engine', async (_, before, entry, code, message) => {
    before();
    const refused = make(entry);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
    expect([asked, readdirSync(folder)]).toEqual([[], []]);
  });
});

describe('what is on disk', () => {
  test.each<[string, Entry, string]>([
    ['pause', pause({ target: 'redis' }), 'POST /containers/c0/pause'],
    ['kill', kill({ target: 'redis' }), 'POST /containers/c0/kill?signal=SIGKILL'],
    ['restart', restart({ target: 'redis' }), 'POST /containers/c0/restart'],
  ])('of %s it is there before the Engine is asked', async (what, entry, request) => {
    const bad = await make(entry);
    await expect.poll(() => asked).toEqual([request]);
    await bad.close();
    expect(onDisk[0]).toBe(`${what} redis`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what is done twice is undone in the reverse order', async () => {
    const bad = await make();
    await bad.act({ do: 'partition', target: 'redis', way: 'both' });
    await bad.act({ do: 'pause', target: 'redis' });
    await bad.close();
    expect(asked).toEqual([
      'POST /networks/shop/disconnect',
      'POST /containers/c0/pause',
      'POST /containers/c0/unpause',
      'POST /networks/shop/connect',
    ]);
  });

  test('what cannot be undone stays there, is told, and does not keep the rest harmed', async () => {
    const bad = await make();
    await bad.act({ do: 'partition', target: 'redis', way: 'both' });
    await bad.act({ do: 'pause', target: 'redis' });
    fails = /unpause/;
    await expect(bad.close()).rejects.toMatchObject({ code: 'not-healed' });
    expect(Object.keys(state.networks)).toEqual(['shop']);
    expect(told()).toEqual(['partition redis (both)', 'pause redis']);
  });
});
