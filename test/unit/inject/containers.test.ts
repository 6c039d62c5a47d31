/**
 * Containers, by an Engine that keeps what is asked of it: what is done where nobody is root, in which order, and what is on disk before.
 * What real containers do is in test/e2e/inject.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kill, partition, pause, plan, restart, type Entry } from '../../../src/faults/index.ts';
import { containers, type HarmedWorld } from '../../../src/inject/index.ts';
import { engine, type Engine } from '../../e2e/inject/engine.ts';

let docker: Engine;
let folder: string;
/** What the journal told when something was asked. */
let onDisk: string[];

const told = (): string[] =>
  readdirSync(folder).flatMap((name) =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"harm"'))
      .map((line) => (JSON.parse(line) as { harm: string }).harm),
  );

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-engine-'));
  onDisk = [];
  docker = await engine(() => onDisk.push(...told()));
});
afterEach(async () => {
  await docker.close();
  rmSync(folder, { recursive: true });
});

const make = (...entries: readonly Entry[]): Promise<HarmedWorld> =>
  containers({ targets: { redis: 'c0' }, docker: docker.address, journal: folder, plan: plan({ seed: 1 }, ...entries) });

const CUT = 'POST /networks/shop/disconnect {"Container":"c0","Force":true}';
const BACK =
  'POST /networks/shop/connect {"Container":"c0","EndpointConfig":{"IPAMConfig":{"IPv4Address":"10.0.0.7"},"Aliases":["db"]}}';

describe('where nobody may set rules', () => {
  test('a container that is cut off is taken from its networks, and gets back what was chosen there', async () => {
    const bad = await make();
    await bad.act({ do: 'partition', target: 'redis', way: 'both' });
    expect([docker.asked, docker.state.networks]).toEqual([[CUT], {}]);
    // What undoes it is on disk before.
    expect(onDisk).toEqual(['partition redis (both)']);
    await bad.close();
    expect(docker.asked.slice(1)).toEqual([BACK]);
    expect(docker.state.networks).toEqual({ shop: { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.0.0.7' } } });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('by a plan, and back at its end', async () => {
    const bad = await make(partition({ target: 'redis', until: 20 }));
    await expect.poll(() => docker.asked).toEqual([CUT, BACK]);
    await bad.close();
    expect(docker.asked).toHaveLength(2);
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
      () => (docker.state.ports = { '6379/tcp': [{ HostPort: '0' }] }),
      partition({ target: 'redis' }),
      'cannot-partition',
      /come back with other ports/,
    ],
    [
      'where it has the network of another',
      () => (docker.state.mode = 'container:other'),
      partition({ target: 'redis' }),
      'cannot-partition',
      /no network of its own\n.*a proxy between/s,
    ],
    [
      'for good, where it is removed when it ends',
      () => (docker.state.isRemoved = true),
      kill({ target: 'redis' }),
      'cannot-inject',
      /--rm/,
    ],
  ])('a container is not harmed %s, and nothing is asked of the Engine', async (_, before, entry, code, message) => {
    before();
    const refused = make(entry);
    await expect(refused).rejects.toMatchObject({ code });
    await expect(refused).rejects.toThrow(message);
    expect([docker.asked, readdirSync(folder)]).toEqual([[], []]);
  });
});

describe('what is on disk', () => {
  test.each<[string, Entry, string]>([
    ['pause', pause({ target: 'redis' }), 'POST /containers/c0/pause'],
    ['kill', kill({ target: 'redis' }), 'POST /containers/c0/kill?signal=SIGKILL'],
    ['restart', restart({ target: 'redis' }), 'POST /containers/c0/restart'],
  ])('of %s it is there before the Engine is asked', async (what, entry, request) => {
    const bad = await make(entry);
    await expect.poll(() => docker.asked).toEqual([request]);
    expect(onDisk).toEqual([`${what} redis`]);
    await bad.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('what is done twice is undone in the reverse order', async () => {
    const bad = await make();
    await bad.act({ do: 'partition', target: 'redis', way: 'both' });
    await bad.act({ do: 'pause', target: 'redis' });
    await bad.close();
    expect(docker.asked).toEqual([CUT, 'POST /containers/c0/pause', 'POST /containers/c0/unpause', BACK]);
  });

  test('what cannot be undone stays there, is told, does not keep the rest harmed, and is tried again', async () => {
    const bad = await make();
    await bad.act({ do: 'partition', target: 'redis', way: 'both' });
    await bad.act({ do: 'pause', target: 'redis' });
    docker.fails = /unpause/;
    await expect(bad.close()).rejects.toMatchObject({ code: 'not-healed' });
    expect(Object.keys(docker.state.networks)).toEqual(['shop']);
    expect(told()).toEqual(['partition redis (both)', 'pause redis']);
    // Once it can be, closing again does the rest.
    docker.fails = undefined;
    await bad.close();
    expect([docker.state.Paused, readdirSync(folder)]).toEqual([false, []]);
  });
});
