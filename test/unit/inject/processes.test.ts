import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { kill, latency, partition, pause, plan, restart, type Entry } from '../../../src/faults/index.ts';
import { processes, type HarmedWorld, type ProcessTarget } from '../../../src/inject/index.ts';
import { virtualClock, type VirtualClock } from '../../../src/time/index.ts';

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
  }
});

/** A process that is there, and does nothing. */
function worker(code = 'setInterval(() => {}, 1000)'): ChildProcess & { pid: number } {
  const child = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
  children.push(child);
  return child as ChildProcess & { pid: number };
}

const stateOf = (pid: number): string => {
  try {
    return /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? 'gone';
  } catch {
    return 'gone';
  }
};
const stands = (pid: number): boolean => stateOf(pid) === 'T';

const make = (target: ProcessTarget, clock: VirtualClock | undefined, ...entries: readonly Entry[]): Promise<HarmedWorld> =>
  processes({ targets: { worker: target }, clock, journal: folder, plan: plan({ seed: 1 }, ...entries) });

const told = ({ trace }: HarmedWorld): string[] =>
  trace.observations.map((one) => `${one.at} ${one.kind}${one.kind === 'fault' || one.kind === 'healed' ? ` ${one.fault}` : ''}`);

describe.skipIf(process.platform !== 'linux')('processes that are harmed', () => {
  test('one stands still from one moment to another, its undo in the journal meanwhile', async () => {
    const clock = virtualClock();
    const child = worker();
    const bad = await make(child, clock, pause({ target: 'worker', from: 100, until: 300 }));
    const seen: [boolean, number][] = [];
    const look = async (): Promise<void> => {
      await bad.settled();
      seen.push([stands(child.pid), readdirSync(folder).length]);
    };
    await clock.run(async () => {
      await clock.sleep(99);
      await look();
      await clock.sleep(2);
      await clock.hold(expect.poll(() => stands(child.pid)).toBe(true));
      await look();
      await clock.sleep(200);
      await clock.hold(expect.poll(() => stands(child.pid)).toBe(false));
      await look();
    });
    expect(seen).toEqual([
      [false, 0],
      [true, 1],
      [false, 0],
    ]);
    expect(told(bad)).toEqual(['100 fault pause', '300 healed pause']);
    await bad.close();
  });

  test('what two faults do is undone when the second of them is over, and all at close', async () => {
    const child = worker();
    const bad = await make(child, undefined);
    await bad.act({ do: 'pause', target: 'worker' });
    await bad.act({ do: 'pause', target: 'worker' });
    await bad.act({ do: 'resume', target: 'worker' });
    await expect.poll(() => stands(child.pid)).toBe(true);
    await bad.act({ do: 'resume', target: 'worker' });
    await expect.poll(() => stands(child.pid)).toBe(false);
    await bad.act({ do: 'pause', target: 'worker' });
    await bad.close();
    await expect.poll(() => stands(child.pid)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
    await expect(bad.act({ do: 'pause', target: 'worker' })).rejects.toMatchObject({ code: 'cannot-inject' });
  });

  test('one is killed, and started again when it is healed', async () => {
    const pids: number[] = [];
    const start = (): ChildProcess => {
      const child = worker();
      pids.push(child.pid);
      return child;
    };
    const bad = await make({ process: start(), start }, undefined, kill({ target: 'worker' }));
    await expect.poll(() => stateOf(pids[0]!)).toMatch(/gone|Z/);
    await bad.settled();
    expect(pids).toHaveLength(1);
    bad.heal();
    await bad.close();
    expect(pids).toHaveLength(2);
    expect(stateOf(pids[1]!)).not.toBe('gone');
  });

  test('one is started anew, and again is not', async () => {
    const pids: number[] = [];
    const start = (): ChildProcess => {
      const child = worker();
      pids.push(child.pid);
      return child;
    };
    const bad = await make({ process: start(), start }, undefined, restart({ target: 'worker' }));
    await expect.poll(() => pids.length).toBe(2);
    await bad.close();
    expect(pids).toHaveLength(2);
    expect(stateOf(pids[1]!)).not.toBe('gone');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('one that is not there any more is told at close, and in the trace', async () => {
    const child = worker('');
    const clock = virtualClock();
    const bad = await make(child, clock, pause({ target: 'worker', from: 50 }));
    await new Promise((resolve) => child.once('close', resolve));
    await clock.run(() => clock.sleep(60));
    await bad.settled();
    expect(told(bad)).toEqual(['50 fault pause', '50 error']);
    await expect(bad.close()).rejects.toMatchObject({ code: 'no-process' });
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['a kill without a start', () => make(worker(), undefined, kill({ target: 'worker' })), 'cannot-inject'],
    ['a target that there is not', () => make(worker(), undefined, pause({ target: 'wroker' })), 'unknown-target'],
    ['a partition', () => make(worker(), undefined, partition({ target: 'worker' })), 'cannot-inject'],
    ['an exchange', () => make(worker(), undefined, latency({ ms: 1 })), 'cannot-inject'],
    ['a process that there is not', () => make(2 ** 30, undefined), 'no-process'],
  ])('%s is refused before anything is harmed', async (_, refused, code) => {
    await expect(refused()).rejects.toMatchObject({ code });
  });
});
