import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { demoApp, serve, type Served } from 'holdfast/demo';
import { rejudge } from 'holdfast/logic';
import { parseTrace } from 'holdfast/trace';
import { expect as holding } from 'holdfast/vitest';
import { enabled, freePort, onPath } from '../setup/needs.ts';

const cli = join(import.meta.dirname, '../../dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'holdfast-follow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function holdfast(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe('holdfast follow, against the demo server', () => {
  let server: Served;
  beforeAll(async () => {
    server = await serve(demoApp({ work: '100ms', retryAfter: false }));
  });
  afterAll(() => server.close());

  test('prints the states as they come, then the result', async () => {
    const { code, out } = await holdfast('follow', '-d', '{"title":"Q3","rows":3}', `${server.url}/reports`);
    expect(code).toBe(0);
    expect(out).toMatch(/answered 202[\s\S]*read as location[\s\S]*succeeded[\s\S]*"rows": 3/);
  });

  test('a failure of the operation is exit code 1, with its error', async () => {
    const { code, out } = await holdfast('follow', '-d', '{"template":"q9"}', `${server.url}/reports`);
    expect({ code, told: /failed[\s\S]*There is no such template/.test(out) }).toEqual({ code: 1, told: true });
  });

  test('a refusal of the start is exit code 1', async () => {
    const { code, out } = await holdfast('follow', '-d', '{"rows":0}', `${server.url}/reports`);
    expect({ code, told: /answered 422[\s\S]*rejected/.test(out) }).toEqual({ code: 1, told: true });
  });

  test('without a method and a body the URL is a monitor', async () => {
    const started = await fetch(`${server.url}/reports`, { method: 'POST' });
    const { code, out } = await holdfast('follow', `${server.url}${started.headers.get('location')}`);
    expect({ code, told: out.includes('succeeded') }).toEqual({ code: 0, told: true });
  });

  test('time that runs out is exit code 1, with the whole message', async () => {
    const { code, err } = await holdfast('follow', '--within', '150ms', '-d', '{"work":60000}', `${server.url}/reports`);
    expect({ code, told: /to eventually settle within 150ms[\s\S]*hint/.test(err) }).toEqual({ code: 1, told: true });
  });

  test('--json prints observations, --trace writes a recording that judges the same again', async () => {
    const file = join(folder, 'seen.jsonl');
    const { code, out } = await holdfast('follow', '--json', '--trace', file, '-d', '{}', `${server.url}/reports`);
    expect(code).toBe(0);
    const printed = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const trace = parseTrace(readFileSync(file, 'utf8'));
    expect(trace.observations).toEqual(printed);
    expect(rejudge(trace)).toEqual(trace.header.claims.map((claim) => claim.judgement));
  });

  test.each([
    [[], /expected the URL/],
    [['nonsense'], /absolute http or https URL, received "nonsense"/],
    [['--within', '5 parsecs', 'http://127.0.0.1:1/'], /--within: expected a duration, received "5 parsecs"/],
    [['--nonsense', 'http://127.0.0.1:1/'], /--nonsense/],
    [['-H', 'nocolon', 'http://127.0.0.1:1/'], /expected 'Name: value', received 7 characters without a name/],
    [['--state', 'x=y', 'http://127.0.0.1:1/'], /expected NAME=pending/],
    [['--dialect', 'locaton', '-d', '{}', 'http://127.0.0.1:1/'], /did you mean 'location'/],
    [['-d', '@/nonexistent', 'http://127.0.0.1:1/'], /cannot read "\/nonexistent"/],
  ])('misuse %j is exit code 2 and one message, without a stack', async (args, told) => {
    const { code, err } = await holdfast('follow', ...args);
    expect(code).toBe(2);
    expect(err).toMatch(told);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('a 202 that names nothing is told with the flags that mend it', async () => {
    const bare = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () =>
        socket.end('HTTP/1.1 202 Accepted\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"ID":1}'),
      );
    });
    await new Promise<void>((resolve) => void bare.listen(0, '127.0.0.1', resolve));
    const { port } = bare.address() as { port: number };
    const { code, err } = await holdfast('follow', '-d', '{}', `http://127.0.0.1:${port}/jobs`);
    await new Promise((resolve) => void bare.close(resolve));
    expect({ code, told: /names nothing to follow[\s\S]*\{"ID":1\}[\s\S]*--monitor/.test(err) }).toEqual({ code: 2, told: true });
  });
});

const aptly = onPath('aptly');
const runs = enabled('aptly', aptly !== undefined, 'holdfast follow against aptly; `apt-get install aptly` enables it');

/** A real asynchronous server of somebody else's: Debian's repository manager, which answers 202 with a task. */
describe.runIf(runs)('holdfast follow, against the REST API of aptly', () => {
  let url = '';
  let child: ChildProcess;
  const asTask = [
    '--monitor',
    '/api/tasks/{ID}',
    '--status-field',
    'State',
    '--state',
    '0=pending',
    '--state',
    '1=pending',
    '--state',
    '2=success',
    '--state',
    '3=failure',
  ];

  beforeAll(async () => {
    const config = join(folder, 'aptly.json');
    writeFileSync(config, JSON.stringify({ rootDir: join(folder, 'aptly'), gpgDisableSign: true, gpgDisableVerify: true }));
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    child = spawn(aptly!, [`-config=${config}`, 'api', 'serve', `-listen=127.0.0.1:${port}`], { stdio: 'ignore' });
    await holding(async () => (await fetch(`${url}/api/version`)).ok).toEventuallySucceed({ within: '20s', pace: '50ms' });
    await fetch(`${url}/api/repos`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"Name":"demo"}' });
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => void child.on('exit', resolve));
    child.kill();
    await ended;
  });

  test('it names no monitor, and that is said', async () => {
    const { code, err } = await holdfast('follow', '-d', '{"Name":"first"}', `${url}/api/repos/demo/snapshots?_async=true`);
    expect({ code, told: /202 Accepted[\s\S]*names nothing to follow/.test(err) }).toEqual({ code: 2, told: true });
  });

  test('told where the task is and what its numbers mean, it follows a success and a failure', async () => {
    const start = ['follow', '-d', '{"Name":"second"}', ...asTask, `${url}/api/repos/demo/snapshots?_async=true`];
    expect(await holdfast(...start)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/read as location[\s\S]* 2 {2}\(success\)/),
    });
    // A snapshot of that name is there now, so the task is accepted, and fails.
    expect(await holdfast(...start)).toMatchObject({ code: 1, out: expect.stringMatching(/ 3 {2}\(failure\)/) });
  });
});
