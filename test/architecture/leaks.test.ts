import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../scripts/lib/spawn.mjs';
import { ROOT } from './checks/source.ts';

/** Files as somebody might write them, and what the run must say of each; nothing for those that clean up. */
const PLANTED: Readonly<Record<string, { readonly text: string; readonly says?: string }>> = {
  'timer.test.ts': {
    text: "test('innocent', () => {}); test('forgets a timer', () => { setTimeout(() => {}, 60_000) })",
    says: 'timer.test.ts:4:',
  },
  'interval.test.ts': {
    text: "test('forgets two', () => { setInterval(() => {}, 9e5); setInterval(() => {}, 9e5) })",
    says: '2 × Timeout (made at ',
  },
  'server.test.ts': {
    text: "test('forgets a server', () => new Promise<void>((done) => { createServer().listen(0, '127.0.0.1', done) }))",
    says: 'TCPServerWrap (first seen after "forgets a server")',
  },
  'socket.test.ts': {
    text: `let server: Server;
      beforeAll(() => new Promise<void>((done) => { server = createServer().listen(0, '127.0.0.1', done) }));
      afterAll(() => { server.close() });
      test('forgets a socket', () => new Promise<void>((done) => { connect((server.address() as AddressInfo).port, '127.0.0.1', done) }))`,
    says: 'TCPSocketWrap',
  },
  'child.test.ts': {
    text: "test('forgets a child', () => { const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 20000)']); process.once('exit', () => child.kill()) })",
    says: 'ProcessWrap',
  },
  'listener.test.ts': {
    text: "test('forgets a listener', () => { process.on('SIGUSR2', () => {}) })",
    says: "process.on('SIGUSR2')",
  },
  'clean.test.ts': {
    text: `let server: Server;
      beforeAll(() => new Promise<void>((done) => { server = createServer((s) => s.pipe(s)).listen(0, '127.0.0.1', done) }));
      afterAll(() => { server.close() });
      test('a timer that fires', () => new Promise((done) => setTimeout(done, 5)));
      test('a timer that is cleared', () => { clearTimeout(setTimeout(() => {}, 60_000)) });
      test('a socket that is ended', () => new Promise<void>((done) => {
        const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.end());
        socket.on('close', () => done()).resume();
      }));
      test('fake timers', () => { vi.useFakeTimers(); setTimeout(() => {}, 60_000); vi.useRealTimers() })`,
  },
};

const HEADER = `import { spawn } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, test, vi } from 'vitest';
`;

interface Results {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly message: string }[];
}

describe('a planted leak turns its file red', () => {
  let folder = '';
  let code = 0;
  let results: Results = { testResults: [] };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-leaks-'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
    for (const [file, { text }] of Object.entries(PLANTED)) writeFileSync(join(folder, file), HEADER + text);
    const setup = JSON.stringify(join(ROOT, 'test/setup/leaks.ts'));
    writeFileSync(
      join(folder, 'vitest.config.ts'),
      `export default { test: { setupFiles: [${setup}], teardownTimeout: 2000 } };`,
    );
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const output = join(folder, 'results.json');
    const ended = await run(process.execPath, [vitest, 'run', '--root', folder, '--reporter=json', `--outputFile=${output}`], {
      cwd: folder,
      capture: true,
    });
    code = ended.code;
    results = JSON.parse(readFileSync(output, 'utf8')) as Results;
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('and the run', () => {
    expect(code).toBe(1);
    expect(results.testResults).toHaveLength(Object.keys(PLANTED).length);
  });

  test.each(Object.entries(PLANTED))('%s', (file, { says }) => {
    const found = results.testResults.find(({ name }) => name.endsWith(`/${file}`));
    const wanted = says === undefined ? /^$/ : /^left open after the tests of this file: /;
    expect(found?.message ?? 'not run').toMatch(wanted);
    expect(found?.message).toContain(says ?? '');
    expect(found?.status).toBe(says === undefined ? 'passed' : 'failed');
  });
});
