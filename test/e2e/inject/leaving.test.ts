import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { processes } from 'holdfast/inject';
import { engine } from './engine.ts';

let journal: string;
let target: ChildProcess;
let targetGone: Promise<unknown>;

beforeEach(() => {
  journal = mkdtempSync(join(tmpdir(), 'holdfast-leaving-'));
  target = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  targetGone = new Promise((resolve) => target.once('close', resolve));
});
afterEach(async () => {
  target.kill('SIGKILL');
  await targetGone;
  rmSync(journal, { recursive: true });
});

/** Whether the target stands still (proc_pid_stat(5): T). */
const standsStill = (): boolean => / T /.test(readFileSync(`/proc/${target.pid}/stat`, 'latin1'));

const journalsLeft = (): string[] =>
  readdirSync(journal, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));

/** A run that harms and ends so; what it left once it was gone. */
async function ends(how: string, at: string, signal?: NodeJS.Signals): Promise<string> {
  const run = spawn(process.execPath, [join(import.meta.dirname, 'leaving.ts'), how, at, journal], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const gone = new Promise<string>((resolve) => run.once('close', (code, by) => resolve(String(by ?? code))));
  await Promise.race([new Promise((resolve) => run.stdout.once('data', resolve)), gone]);
  if (signal !== undefined) run.kill(signal);
  return gone;
}

describe.skipIf(process.platform !== 'linux')('a process that is harmed as its run ends', () => {
  test.each<[string, NodeJS.Signals | undefined, string]>([
    ['pass', undefined, '0'],
    ['violation', undefined, '1'],
    ['exception', undefined, '1'],
    ['rejection', undefined, '1'],
    ['exit', undefined, '3'],
    ['interrupt', 'SIGINT', 'SIGINT'],
    ['termination', 'SIGTERM', 'SIGTERM'],
    ['hang-up', 'SIGHUP', 'SIGHUP'],
  ])('by %s goes on at once, and no journal is left', async (how, signal, end) => {
    expect(await ends(how, String(target.pid), signal)).toBe(end);
    expect([standsStill(), journalsLeft()]).toEqual([false, []]);
  });

  test('by SIGKILL goes on with the next run', async () => {
    expect(await ends('kill', String(target.pid), 'SIGKILL')).toBe('SIGKILL');
    expect([standsStill(), readdirSync(journal).length]).toEqual([true, 1]);
    await (await processes({ targets: {}, journal })).close();
    expect([standsStill(), readdirSync(journal)]).toEqual([false, []]);
  });
});

test.each<[string, NodeJS.Signals | undefined]>([
  ['exception', undefined],
  ['interrupt', 'SIGINT'],
])('a container that is harmed as its run ends by %s goes on soon after', async (how, signal) => {
  const docker = await engine();
  onTestFinished(() => docker.close());
  await ends(how, docker.address, signal);
  await expect.poll(() => readdirSync(journal), { timeout: 20_000 }).toEqual([]);
  expect(docker.state.Paused).toBe(false);
  expect(docker.asked).toEqual(['POST /containers/c0/pause', 'POST /containers/c0/unpause']);
});
