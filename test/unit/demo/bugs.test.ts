import { AssertionError } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BUGS } from '../../../src/demo/index.ts';
import { runDemoCommand } from '../../../src/demo/main.ts';
import { firstRed, loadChecks, outcome } from '../../oracle/checks.ts';

// The checks are plain scripts: here they are only run.
const checks = await loadChecks();
const checkOf = (name: string): (typeof checks)[number] => checks.find((check) => check.name === name)!;

describe('every bug', () => {
  test('has a check of its name in test/oracle, and there is no other', () => {
    expect(checks.map(({ name }) => name)).toEqual(BUGS.map(({ name }) => name));
  });

  test.each(BUGS)('$name and its check agree on when it fires', ({ name, fires = 'always' }) => {
    expect(checkOf(name).fires).toBe(fires);
  });

  test.each(BUGS)('$name makes its check red, by a sentence of its own', async ({ name }) => {
    const check = checkOf(name);
    expect(await outcome(check)).toBeUndefined();
    const red = await firstRed(check, { bugs: [name] });
    expect(red?.error).toBeInstanceOf(AssertionError);
    expect(red?.error).toMatchObject({ generatedMessage: false, message: expect.stringMatching(/^\S.{15,}/) });
    expect(await outcome(check, { seed: red!.seed })).toBeUndefined();
  });

  test.each(BUGS)('$name makes no check red that has nothing to do with it', async ({ name }) => {
    const red: string[] = [];
    for (const check of checks) {
      if (check.name !== name && (await outcome(check, { bugs: [name] })) !== undefined) red.push(check.name);
    }
    expect(red).toEqual(ALSO[name] ?? []);
  });

  test('can be planted together with others', async () => {
    const bugs = ['retry-after-in-millis', 'lost-result', 'progress-backwards'];
    for (const bug of bugs) expect(await outcome(checkOf(bug), { bugs })).toBeInstanceOf(AssertionError);
  });

  test.each(BUGS)('$name is told in a family and one line, and lives in a file of its name', ({ name, family, story }) => {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(family).toMatch(/^[a-z-]+$/);
    expect(story).toMatch(/^\S.{30,140}$/);
    const file = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    expect(readFileSync(`src/demo/bugs/${file}.ts`, 'utf8')).toContain(`export const ${file}: Bug = {`);
  });

  test('is in the index', () => {
    const files = readdirSync('src/demo/bugs').filter((file) => file !== 'index.ts');
    expect(files).toHaveLength(BUGS.length);
  });

  test('is listed, with when it fires', async () => {
    const list = async (...flags: string[]): Promise<string> => {
      let out = '';
      await runDemoCommand(['--list-bugs', ...flags], { stdout: { write: (text) => (out += text) }, stderr: process.stderr });
      return out;
    };
    const lines = (await list()).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(BUGS.map(({ name }) => name));
    expect(lines.filter((line) => line.endsWith('(after a fault)')).map((line) => line.split(' ')[0])).toContain(
      'orphan-payment',
    );
    expect(lines.filter((line) => line.endsWith('(always)'))).toEqual([]);
    const told = JSON.parse(await list('--json')) as object[];
    expect(told).toEqual(BUGS.map(({ name, family, story, fires = 'always' }) => ({ name, family, story, fires })));
  });
});

/** Where one defect shows in more than one way: the other checks that it makes red. */
const ALSO: Record<string, string[]> = {
  // What is kept statement by statement stays, though the next one fails.
  'auto-commit': ['key-noted-afterwards', 'noted-before-booked', 'told-before-commit'],
  // Whatever a stream tells is half a message.
  'data-over-lines': ['newest-page-only', 'resume-repeats-one', 'stream-never-ends'],
  // What is looked for by its id is another.
  'event-ids-restart': ['resume-repeats-one'],
  // Who comes between finds no key, and what was answered as a fault was done.
  'key-noted-afterwards': ['key-looked-up-first', 'told-before-commit'],
  // A crash loses an answer, too.
  'orphan-payment': ['noted-afterwards'],
  // Whoever does not listen hears of no refusal.
  'queued-is-sent': ['refusal-swallowed'],
  // What is no number is no number of seconds.
  'retry-after-as-local-date': ['retry-after-in-millis'],
  // Neither is a signature that its receiver can check.
  'signed-without-moment': ['signed-another-text'],
  // What never ends has no result, and no second report either.
  'stuck-in-running': [
    'double-run',
    'duplicates-counted',
    'half-an-import',
    'import-starts-over',
    'lost-result',
    'mailed-again',
    'new-message-id',
    'parity-drift',
    'queued-is-sent',
    'refusal-swallowed',
    'replay-of-today',
    'resurrected-operation',
    'retries-for-ever',
    'shifted-index',
    'silent-failure',
    'stream-never-ends',
    'timeout-as-refusal',
  ],
};
