/** Runs that are killed while they harm a process or a container, and `heal` after each: nothing may stay harmed. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { seeded } from '../../src/time/index.ts';
import { killOne, type Kind } from '../e2e/inject/killed.ts';
import { containersEnabled, startRedis } from '../setup/containers.ts';

/** @returns how many kills of each kind had left harm, and how many had not */
export async function harmHunt(times: number, seed: string): Promise<Readonly<Record<string, number>>> {
  const random = seeded(seed);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  const redis = (await containersEnabled('kills of runs that harm containers')) ? await startRedis() : undefined;
  const kinds: readonly Kind[] = redis === undefined ? ['process'] : ['process', 'pause', 'kill', 'partition'];
  const tally: Record<string, number> = {};
  try {
    for (let n = 0; n < times; n++) {
      const kind = kinds[n % kinds.length]!;
      const target = kind === 'process' ? String(child.pid) : redis!.container.getId();
      const { left, harms, files } = await killOne(kind, target, random.fork(`kill/${n}`));
      const where = `kill ${n} of ${kind} (seed ${seed})`;
      if (files.length > 0) throw new Error(`${where}: a journal is left: ${files.join(', ')}: ${harms.join(', ')}`);
      const failed = harms.filter((one) => one.includes(': failed'));
      if (failed.length > 0) throw new Error(`${where}: ${failed.join(', ')}`);
      if (kind === 'process' && / T /.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1')))
        throw new Error(`${where}: the process stands still`);
      if (redis !== undefined && kind !== 'process') await answers(redis.url, where);
      const what = left.length > 0 ? `${kind} healed` : `${kind} between two harms`;
      tally[what] = (tally[what] ?? 0) + 1;
    }
  } finally {
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
    await redis?.stop();
  }
  return tally;
}

/** How often Redis is asked until it answers after it was started again. */
const ASKED = 100;

async function answers(url: string, where: string): Promise<void> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: ASKED, connectTimeout: 1000 });
  client.on('error', () => undefined);
  try {
    const told = await client.ping();
    if (told !== 'PONG') throw new Error(`${where}: Redis answers ${String(told)}`);
  } finally {
    client.disconnect();
  }
}
