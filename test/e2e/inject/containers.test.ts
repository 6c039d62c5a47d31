import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kill, latency, partition, pause, plan, restart } from 'holdfast/faults';
import { containers, type HarmedWorld } from 'holdfast/inject';
import { containersEnabled, startRedis, TOOLS } from '../../setup/containers.ts';
import { drawsOf, killOne, type Kind } from './killed.ts';

const runs = await containersEnabled('containers that are harmed');
/** How long an answer of Redis may take; what is cut off or stands still gives none. */
const ANSWER_MS = 400;

/** What Redis answers, or why it does not. */
function ping(address: string): Promise<string> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    const socket = createConnection(Number(port), host, () => void socket.write('PING\r\n'));
    const end = (told: string): void => {
      socket.destroy();
      resolve(told);
    };
    socket.setTimeout(ANSWER_MS, () => end('silence'));
    socket.on('error', ({ message }) => end(message.includes('ECONN') ? 'refused' : message));
    socket.on('close', () => resolve('refused'));
    socket.on('data', (answer: Buffer) => end(answer.toString().trim()));
  });
}

describe.runIf(runs)('a container that is harmed', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let journal: string;
  const answers = async (): Promise<void> => {
    await expect.poll(() => ping(redis.address), { timeout: 20_000 }).toBe('+PONG');
  };
  const make = (options: Partial<Parameters<typeof containers>[0]> = {}): Promise<HarmedWorld> =>
    containers({ targets: { redis: redis.container }, journal, ...options });

  beforeAll(async () => {
    redis = await startRedis();
    journal = mkdtempSync(join(tmpdir(), 'holdfast-containers-'));
  });
  afterAll(async () => {
    await redis.stop();
    rmSync(journal, { recursive: true });
  });

  test('stands still as the plan says, and goes on', async () => {
    const bad = await make({ plan: plan({ seed: 1 }, pause({ target: 'redis', until: '2s' })) });
    await expect.poll(() => ping(redis.address)).toBe('silence');
    expect(readdirSync(journal)).toHaveLength(1);
    await answers();
    await bad.settled();
    expect(bad.trace.observations.map(({ kind }) => kind)).toEqual(['fault', 'healed']);
    expect(readdirSync(journal)).toEqual([]);
    await bad.close();
  });

  test('is killed, and started again at close', async () => {
    const bad = await make({ plan: plan({ seed: 1 }, kill({ target: 'redis' })) });
    await expect.poll(() => ping(redis.address)).toBe('refused');
    await bad.close();
    await answers();
  });

  test('is started anew', async () => {
    const bad = await make({ plan: plan({ seed: 1 }, restart({ target: 'redis' })) });
    await expect.poll(() => bad.trace.observations.length, { timeout: 20_000 }).toBe(2);
    await bad.close();
    await answers();
    expect(bad.trace.observations.map(({ kind }) => kind)).toEqual(['fault', 'healed']);
  });

  test.each(['both', 'in', 'out'] as const)('is cut off, way: %s, and comes back at the same address', async (way) => {
    const bad = await make({ plan: plan({ seed: 1 }, partition({ target: 'redis', way })) });
    await expect.poll(() => ping(redis.address)).toBe('silence');
    await bad.close();
    await answers();
    expect(readdirSync(journal)).toEqual([]);
  });

  test('is cut off one way by the rules of an image of tools', async () => {
    const bad = await make({ tools: TOOLS });
    await bad.act({ do: 'partition', target: 'redis', way: 'out' });
    await expect.poll(() => ping(redis.address)).toBe('silence');
    await bad.act({ do: 'heal', target: 'redis', way: 'out' });
    await answers();
    await bad.close();
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['a container that there is not', () => containers({ targets: { redis: 'no-such-thing' }, journal }), 'no-container'],
    ['an Engine that there is not', () => make({ docker: 'unix:///nowhere.sock' }), 'docker-unavailable'],
    ['an Engine at no address', () => make({ docker: 'nowhere' }), 'invalid-option'],
    ['an exchange', () => make({ plan: plan({ seed: 1 }, latency({ ms: 1 })) }), 'cannot-inject'],
    ['a target that has no name', () => make({ plan: plan({ seed: 1 }, pause({ target: 'rediss' })) }), 'unknown-target'],
  ])('%s is refused', async (_, refused, code) => {
    await expect(refused()).rejects.toMatchObject({ code });
  });

  test.each<Kind>(['pause', 'kill', 'partition'])('what a killed run has left of %s is healed', async (kind) => {
    const draw = drawsOf(`killed/${kind}`);
    for (let n = 0; n < 2; n++) {
      const { files } = await killOne(kind, redis.container.getId(), draw.fork(String(n)));
      expect(files).toEqual([]);
      await answers();
    }
  });
});

describe.skipIf(process.platform !== 'linux')('a process that is harmed', () => {
  test('what killed runs have left is healed', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.pipe(process.stdout)']);
    const gone = new Promise((resolve) => child.once('close', resolve));
    const echo = (): Promise<string> =>
      new Promise((resolve) => {
        child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
        child.stdin.write('here');
      });
    const draw = drawsOf('killed/process');
    const left: number[] = [];
    // Where the machine is slow the first ones are killed before they harm: then some more.
    for (let n = 0; n < 5 || (n < 50 && Math.max(...left) === 0); n++) {
      const killed = await killOne('process', String(child.pid), draw.fork(String(n)));
      expect(killed.files).toEqual([]);
      expect(killed.harms.every((one) => /: (undone|over)$/.test(one))).toBe(true);
      left.push(killed.left.length);
      expect(await echo()).toBe('here');
    }
    // It is no test of healing when nothing had been harmed.
    expect(Math.max(...left)).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await gone;
  });
});
