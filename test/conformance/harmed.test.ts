/** Injectors of processes and containers, by the same laws: what each deed is for whoever asks the target, and that all is undone. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { kill, partition, pause, plan, restart, type Entry, type Plan } from '../../src/faults/index.ts';
import { ABILITIES, containers, processes, type HarmedWorld } from '../../src/inject/index.ts';
import { containersEnabled, startRedis } from '../setup/containers.ts';
import { freePort } from '../setup/needs.ts';

interface Target {
  /** Where it answers `+PONG` to `PING`. */
  readonly port: number;
  harm(what: Plan, journal: string): Promise<HarmedWorld>;
  stop(): Promise<void>;
}

interface TargetWorld {
  readonly name: keyof typeof ABILITIES;
  readonly runs: boolean;
  start(): Promise<Target>;
}

/** How long an answer may take; what stands still or is cut off gives none. */
const ANSWER_MS = 400;

function ping(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => void socket.write('PING\r\n'));
    const end = (told: string): void => {
      socket.destroy();
      resolve(told);
    };
    socket.setTimeout(ANSWER_MS, () => end('silence'));
    socket.on('error', () => end('refused'));
    socket.on('close', () => resolve('refused'));
    socket.on('data', (answer: Buffer) => end(answer.toString().trim()));
  });
}

const SERVER = `
  require('node:net').createServer((socket) => {
    socket.on('data', () => socket.write('+PONG\\r\\n')).on('error', () => undefined);
  }).listen(Number(process.argv[1]), '127.0.0.1', () => console.log('listens'));
`;

const ofProcess: TargetWorld = {
  name: 'process',
  runs: process.platform !== 'win32',
  async start() {
    const port = await freePort();
    const children: ChildProcess[] = [];
    const start = async (): Promise<ChildProcess> => {
      const child = spawn(process.execPath, ['-e', SERVER, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      await once(child.stdout, 'data');
      return child;
    };
    const first = await start();
    return {
      port,
      harm: (what, journal) => processes({ targets: { it: { process: first, start } }, plan: what, journal }),
      async stop() {
        for (const child of children) {
          if (child.exitCode !== null || child.signalCode !== null) continue;
          child.kill('SIGKILL');
          await once(child, 'close');
        }
      },
    };
  },
};

const ofContainer: TargetWorld = {
  name: 'container',
  runs: await containersEnabled('the laws of containers that are harmed'),
  async start() {
    const redis = await startRedis();
    return {
      port: Number(redis.address.split(':')[1]),
      harm: (what, journal) => containers({ targets: { it: redis.container }, plan: what, journal }),
      stop: () => redis.stop(),
    };
  },
};

/** What a target is like while it is harmed. */
const LAWS: Readonly<Record<string, { readonly entry: Entry; readonly like: string }>> = {
  pause: { entry: pause({ target: 'it' }), like: 'silence' },
  kill: { entry: kill({ target: 'it' }), like: 'refused' },
  restart: { entry: restart({ target: 'it' }), like: '+PONG' },
  partition: { entry: partition({ target: 'it' }), like: 'silence' },
};
/** What undoes another. */
const UNDOING: ReadonlySet<string> = new Set(['resume', 'start', 'heal']);

test('each deed has a law', () => {
  const deeds = [ofProcess, ofContainer].flatMap(({ name }) => [...ABILITIES[name]]);
  expect(deeds.filter((deed) => LAWS[deed] === undefined && !UNDOING.has(deed))).toEqual([]);
});

describe.each([ofProcess, ofContainer])('$name', (world) => {
  const { name, runs } = world;
  const journal = mkdtempSync(join(tmpdir(), 'holdfast-harmed-'));
  afterAll(() => rmSync(journal, { recursive: true }));
  const can = Object.entries(LAWS).filter(([deed]) => ABILITIES[name].has(deed as never));
  const cannot = Object.entries(LAWS).filter(([deed]) => !ABILITIES[name].has(deed as never));

  test.runIf(runs).for(can)('%s, and all is undone', async ([, { entry, like }]) => {
    const target = await world.start();
    try {
      const bad = await target.harm(plan({ seed: 1 }, entry), journal);
      await expect.poll(() => bad.trace.observations.length).toBeGreaterThan(0);
      await bad.settled();
      await expect.poll(() => ping(target.port), { timeout: 20_000 }).toBe(like);
      expect(readdirSync(journal)).toHaveLength(like === '+PONG' ? 0 : 1);
      await bad.close();
      await expect.poll(() => ping(target.port), { timeout: 20_000 }).toBe('+PONG');
      expect(bad.trace.observations.map(({ kind }) => kind)).toEqual(['fault', 'healed']);
      expect(readdirSync(journal)).toEqual([]);
    } finally {
      await target.stop();
    }
  });

  test.runIf(runs).for(cannot)('%s is refused', async ([, { entry }]) => {
    const target = await world.start();
    try {
      await expect(target.harm(plan({ seed: 1 }, entry), journal)).rejects.toMatchObject({ code: 'cannot-inject' });
    } finally {
      await target.stop();
    }
  });
});
