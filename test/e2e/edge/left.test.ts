/**
 * Nothing is left open: after each test no socket, server, timer, listener or temporary file of what Holdfast opened, also where the test
 * was cut off in mid-wait. The cases run in a Vitest of their own, and say after each test what is open that was not before.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Left {
  readonly title: string;
  readonly state: string;
  /** The first line of what it failed for first. */
  readonly why?: string;
  readonly left: Readonly<Record<string, number>>;
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-left-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly tests: ReadonlyMap<string, Left>;
  readonly log: string;
}

/** @param interrupt whether it is interrupted, as by Ctrl-C, as soon as its test waits */
async function run(project: string, options: readonly string[] = [], interrupt = false): Promise<Ended> {
  const left = join(folder, `${project}.jsonl`);
  const begun = join(folder, `${project}.begun`);
  // Its own, so that what it has there is seen.
  const temporary = join(folder, project);
  mkdirSync(temporary);
  const here = import.meta.dirname;
  const config = join(here, 'vitest.config.ts');
  const args = interrupt
    ? [join(here, 'cases/left/interrupt.mjs'), config, project, begun]
    : [join(here, '../../../node_modules/vitest/vitest.mjs'), 'run', '--config', config, '--project', project, ...options];
  const env = { ...process.env, NO_COLOR: '1', CI: '', HOLDFAST_SLOW: '', LEFT_FILE: left, BEGUN_FILE: begun, TMPDIR: temporary };
  const log = await new Promise<string>((resolve) => {
    execFile(process.execPath, args, { env, maxBuffer: 1e8 }, (_error, stdout, stderr) => resolve(stdout + stderr));
  });
  const lines = existsSync(left) ? readFileSync(left, 'utf8').trimEnd().split('\n') : [];
  const told = lines.map((line) => JSON.parse(line) as Left);
  return { tests: new Map(told.map((one) => [one.title, one])), log };
}

let left: Ended;
let planted: Ended;
let bailed: Ended;
let interrupted: Ended;
beforeAll(async () => {
  [left, planted] = await Promise.all([run('left'), run('left-planted')]);
  [bailed, interrupted] = await Promise.all([run('left-bail', ['--bail', '1']), run('left-interrupted', [], true)]);
}, 120_000);

/** What is found of what is left on purpose. */
const PLANTED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'leaves a timer': { timers: 1 },
  'leaves a timer that keeps nothing alive': { timers: 1 },
  'leaves a server': { TCPServerWrap: 1 },
  'leaves a listener of the process': { "process.on('SIGUSR2')": 1 },
  'leaves a listener on its own signal': { 'abort listeners': 1 },
  'leaves a listener on a signal that lives on': { 'abort listeners': 1 },
  'leaves a temporary file': { 'file planted': 1 },
  'leaves a stream that it opened by hand': { TCPServerWrap: 3, TCPSocketWrap: 2, timers: 1 },
  'leaves a webhook that it made': { TCPServerWrap: 1 },
};

/** What does not time out, by how it ends. */
const ENDED: Readonly<Record<string, 'pass' | 'fail' | 'skip'>> = {
  'fails at its deadline': 'fail',
  'fails at once': 'fail',
  'throws between matchers': 'fail',
  'has no result': 'fail',
  'skips itself while it waits': 'skip',
  'skips itself with several waiting': 'skip',
  'awaits nothing': 'fail',
  holds: 'pass',
  'is aborted by a signal that lives on': 'pass',
  'is decided after it was opened by two': 'pass',
  'all of these waited on something real': 'pass',
};

describe('after a test', () => {
  test('that timed out in mid-wait, nothing is left', () => {
    const timedOut = [...left.tests.values()].filter(({ title }) => !(title in ENDED));
    expect(timedOut.length).toBeGreaterThan(25);
    for (const { title, left: open } of timedOut) expect.soft({ title, open }).toEqual({ title, open: {} });
    expect(timedOut.filter(({ state, why }) => state !== 'fail' || why !== 'Test timed out in 400ms.')).toEqual([]);
  });

  test.for(Object.entries(ENDED))('that %s, nothing is left', ([title, state]) => {
    expect(left.tests.get(title)).toMatchObject({ title, state });
    expect(left.tests.get(title)?.left).toEqual({});
  });

  test.for(Object.entries(PLANTED))('that %s, it is found', ([title, open]) => {
    expect(planted.tests.get(title)).toEqual({ title, state: 'pass', left: open });
  });

  test('that was cut off by --bail, nothing is left', () => {
    expect(bailed.log).toContain('the last');
    const title = 'is cut off by the failure of another file';
    expect(bailed.tests.get(title)?.left).toEqual({});
  });

  test('that was interrupted, nothing is left, and no other begins', () => {
    expect([...interrupted.tests.keys()]).toEqual(['is cut off by the keyboard']);
    expect(interrupted.tests.get('is cut off by the keyboard')?.left).toEqual({});
  });

  test('no rejection went unhandled', () => {
    const logs = `${left.log}${planted.log}${bailed.log}${interrupted.log}`;
    expect(logs).toMatch(/Test Files/);
    expect(logs).not.toMatch(/Unhandled/);
  });
});
