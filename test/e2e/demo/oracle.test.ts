import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, monitorOf, need, post, toItsEnd } from '../../oracle/company.ts';
import { withCompany } from '../../oracle/start.ts';

const ROOT = join(import.meta.dirname, '../../..');

interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
  readonly err: string;
}

function oracle(args: readonly string[], root = ROOT): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'test/oracle/run.ts'), ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), lines: out.trimEnd().split('\n'), err }),
    );
  });
}

describe('the oracle as a script', () => {
  test('runs every check on the correct server', async () => {
    const { code, lines, err } = await oracle(['--times', '2']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const support = ['checks.ts', 'company.ts', 'process.ts', 'receiver.ts', 'run.ts', 'start.ts'];
    const names = readdirSync(join(ROOT, 'test/oracle')).filter((file) => !support.includes(file));
    expect(lines.map((line) => line.split(/ {2,}/))).toEqual(names.map((file) => ['green', file.replace('.ts', ''), '2 of 2']));
  });

  test('tells which checks a bug makes red', async () => {
    const { code, lines } = await oracle(['--bug', 'cancel-ignored']);
    expect(code).toBe(0);
    expect(lines.filter((line) => !line.startsWith('green'))).toEqual([
      expect.stringMatching(/^red {7}cancel-ignored +an operation that was told as cancelled ended as succeeded$/),
    ]);
  });

  test('asks a real server on a socket', async () => {
    const checks = ['orphan-payment', 'retry-after-in-millis', 'undone-in-order'];
    const chosen = checks.flatMap((name) => ['--check', name]);
    const correct = await oracle(['--socket', ...chosen]);
    expect(correct).toMatchObject({ code: 0, lines: checks.map((name) => `green     ${name}`) });
    const wrong = await oracle(['--socket', '--bug', 'orphan-payment', ...chosen]);
    expect(wrong.code).toBe(0);
    expect(wrong.lines.map((line) => line.split(' ')[0])).toEqual(['red', 'green', 'green']);
  });

  test('asks a process of its own, of which not all is seen', async () => {
    const checks = ['lost-result', 'orphan-payment', 'shared-rate-limit'];
    const chosen = checks.flatMap((name) => ['--check', name]);
    const correct = await oracle(['--process', ...chosen]);
    expect(correct.code).toBe(0);
    expect(correct.lines).toEqual([
      'green     lost-result',
      expect.stringMatching(/^not here {2}orphan-payment +it needs `network`, which there is not here$/),
      'green     shared-rate-limit',
    ]);
    const wrong = await oracle(['--process', '--bug', 'lost-result', ...chosen]);
    expect(wrong.code).toBe(0);
    expect(wrong.lines.map((line) => line.split(/ {2,}/)[0])).toEqual(['red', 'not here', 'green']);
    // A bug that nobody could look for was not found.
    expect(await oracle(['--process', '--bug', 'orphan-payment', '--check', 'orphan-payment'])).toMatchObject({ code: 1 });
  });

  test('keeps what is stored when its process is killed', async () => {
    await withCompany({ where: 'process' }, async (company) => {
      const monitor = monitorOf(await post(company, { work: '50ms' }));
      const told = await toItsEnd(company, monitor);
      expect(told).toMatchObject({ status: 'succeeded' });
      // What is counted for the limit is in memory: that it is forgotten tells that the process is another.
      for (let i = 0; i < need(company, 'rateLimit'); i++) await company.fetch('/');
      expect((await company.fetch('/')).status).toBe(429);
      await need(company, 'restart')();
      expect(await bodyOf(await company.fetch(monitor))).toEqual(told);
    });
  });

  test.each([
    ['two places', ['--socket', '--process'], 'give one'],
    ['a bug that there is not', ['--bug', 'lots-result'], 'there is no check "lots-result"'],
    ['no times', ['--times', '0'], '--times: expected a whole number from 1 to 10000'],
    ['another flag', ['--lot'], "Unknown option '--lot'"],
  ])('refuses %s', async (_, args, why) => {
    const { code, err } = await oracle(args);
    expect(code).toBe(2);
    expect(err).toContain(why);
    expect(err).toContain('usage: node test/oracle/run.ts');
  });
});

describe('the oracle with checks of another kind', () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-oracle-'));
    cpSync(join(ROOT, 'test/oracle'), join(root, 'test/oracle'), { recursive: true });
    symlinkSync(join(ROOT, 'src'), join(root, 'src'));
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
    const check = (name: string, text: string): void =>
      writeFileSync(
        join(root, 'test/oracle', name),
        `import assert from 'node:assert/strict';\nexport default async function check() { ${text} }\n`,
      );
    check('too-strict.ts', "assert.fail('nothing is good enough');");
    check('wrong-itself.ts', 'undefined.nothing;');
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('fails when one is red on the correct server', async () => {
    const { code, lines } = await oracle(['--check', 'too-strict', '--check', 'lost-result'], root);
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/^green {5}lost-result$/),
      expect.stringMatching(/^red {7}too-strict +nothing is good enough$/),
    ]);
  });

  test('fails when one is wrong itself, also beside a bug', async () => {
    const { code, lines } = await oracle(['--check', 'wrong-itself', '--bug', 'lost-result'], root);
    expect(code).toBe(1);
    expect(lines).toEqual([expect.stringMatching(/^broken {4}wrong-itself +TypeError: Cannot read .*wrong-itself\.ts/)]);
  });
});
