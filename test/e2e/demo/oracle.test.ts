import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

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
    const support = ['checks.ts', 'company.ts', 'run.ts', 'start.ts'];
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

  test.each([
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
