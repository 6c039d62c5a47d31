import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Ran {
  readonly title: string;
  readonly status: 'passed' | 'failed';
  readonly failureMessages: readonly string[];
}

/** What must come of each case: green, or these messages in this order, each pointing at a line marked HERE. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, 'green' | readonly RegExp[]>>>> = {
  'unawaited.case.ts': {
    'unawaited, passing': [/was not awaited/],
    'unawaited, failing': [/was not awaited/],
    'unawaited, never decided': [/was not awaited/],
    'unawaited soft': [/but it failed after/, /was not awaited/],
    'innocent neighbour': 'green',
    'raced away': [/still undecided when the test ended/],
    'unawaited under test.fails': 'green',
    'unawaited, last of the file': [/was not awaited/],
  },
  'stack.case.ts': {
    awaited: [/but it failed after/],
    'on a later line': [/but it failed after/],
    'returned from a plain function': [/but it failed after/],
    'kept and awaited later': [/but it failed after/],
    'in Promise.all': [/but it failed after/],
    negated: [/not to eventually succeed/],
    soft: [/but it failed after/],
    resolves: [/but it failed after/],
    'inside a helper': [/but it failed after/],
  },
  'time.case.ts': {
    'within is longer than the test has': [
      /within is 10s, but the test has [\d.]+m?s left of its timeout of 2s[\s\S]*testTimeout/,
    ],
    'within is longer than what is left': [/within is 1\.9s, but the test has 1\.\d+s left/],
    'for is longer than the test has': [/for is 10s, but the test has/],
    'a default wait ends before the runner does': [/to eventually succeed/],
    'the hook does not count': 'green',
    'a wait that just fits tells its own failure': [/to eventually succeed/],
    'a pending wait is named when the test times out': [/timed out/i, /to eventually succeed[\s\S]*running/],
    'and polling has stopped': 'green',
    hung: [/hung/],
    'rejects with undefined': [/undefined/],
    'a last look at the deadline': 'green',
    'fake timers do not freeze it': 'green',
    'a blocked event loop is not a hung probe': 'green',
  },
  'forms.case.ts': {
    asymmetric: [/asymmetric matcher must answer at once/],
    'asymmetric, negated': [/asymmetric matcher must answer at once/],
    '.not passes on an ending that decides': 'green',
    '.not does not pass on a timeout': [/not to eventually succeed/],
    '.not does not pass on a hung probe': [/hung/],
    'a value cannot be waited on': [/received 42, which is a value and cannot change/],
    'expect.poll': [/polls twice/],
    'a message of the user': [/the nightly report: /],
    'soft goes on': [/but it failed after/, /expected 1 to be 2/],
    retried: 'green',
    'expected to fail': 'green',
    resolves: 'green',
    'the hook waited': 'green',
    'all seven': 'green',
  },
  'concurrent.case.ts': {
    "with the context's expect, good": 'green',
    "with the context's expect, bad": [/but it failed after/],
    "with the context's expect, not awaited": [/was not awaited/],
    'with the global expect': [/global expect while \d tests run concurrently[\s\S]*async \(\{ expect \}\)/],
    'innocent neighbour': 'green',
  },
};

/** Not the matcher's own failure, so not pointing at it: the runner's time-out, and an assertion of the runner's. */
const NOT_OURS = /timed out in|expected 1 to be 2/;

const folder = mkdtempSync(join(tmpdir(), 'holdfast-edge-'));
const ran: Map<string, Map<string, Ran>> = new Map();
const marked: Map<string, ReadonlySet<number>> = new Map();
let log = '';

beforeAll(async () => {
  const report = join(folder, 'report.json');
  const here = import.meta.dirname;
  const vitest = join(here, '../../../node_modules/vitest/vitest.mjs');
  await new Promise<void>((resolve) => {
    const args = [
      vitest,
      'run',
      '--config',
      join(here, 'vitest.config.ts'),
      '--reporter=json',
      '--reporter=default',
      `--outputFile.json=${report}`,
    ];
    execFile(
      process.execPath,
      args,
      { env: { ...process.env, NO_COLOR: '1', CI: '' }, maxBuffer: 1e8 },
      (_error, stdout, stderr) => {
        log = stdout + stderr;
        resolve();
      },
    );
  });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { name: string; assertionResults: Ran[] }[];
  };
  for (const { name, assertionResults } of testResults) {
    ran.set(basename(name), new Map(assertionResults.map((one) => [one.title, one])));
    const lines = readFileSync(name, 'utf8').split('\n');
    marked.set(basename(name), new Set(lines.flatMap((line, index) => (line.includes('// HERE') ? [index + 1] : []))));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const [file, cases] of Object.entries(EXPECTED)) {
  describe(file, () => {
    test('ran exactly the cases that are told here', () => {
      expect([...(ran.get(file)?.keys() ?? [])].sort()).toEqual(Object.keys(cases).sort());
    });
    for (const [title, wanted] of Object.entries(cases)) {
      test(title, () => {
        const found = ran.get(file)?.get(title);
        const patterns = wanted === 'green' ? [] : wanted;
        expect(found?.status).toBe(wanted === 'green' ? 'passed' : 'failed');
        // A test that passed when it was tried again keeps what it failed for before.
        expect(wanted === 'green' ? [] : found?.failureMessages).toHaveLength(patterns.length);
        for (const [index, pattern] of patterns.entries()) {
          const text = found?.failureMessages[index] ?? '';
          expect(text).toMatch(pattern);
          // Our own failures point at a line that the case marks.
          expect(NOT_OURS.test(text) || linesIn(text, file).some((line) => marked.get(file)?.has(line))).toBe(true);
        }
      });
    }
  });
}

test('no rejection went unhandled, and no test was blamed for another', () => {
  expect(log).not.toMatch(/Unhandled/);
});

function linesIn(stack: string, file: string): readonly number[] {
  return [...stack.matchAll(/([\w-]+\.case\.ts):(\d+):\d+/g)]
    .filter((match) => match[1] === file)
    .map((match) => Number(match[2]));
}
