import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Ran {
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly failureMessages: readonly string[];
}

/** Under `isolate: false` the second file finds our modules loaded, and its hooks not added; it must be none the wiser. */
const SHARED: Readonly<Record<string, 'green' | readonly RegExp[]>> = {
  green: 'green',
  unawaited: [/was not awaited/],
  'within is longer than what is left': [/within is 1\.9s, but the test has 1\.\d+s left/],
  'with the global expect': [/global expect (while \d|in a concurrent test)/],
  "with the context's expect": 'green',
  innocent: 'green',
};

/** What must come of each case: green, or these messages in this order, each pointing at a line marked HERE. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, 'green' | 'skipped' | readonly RegExp[]>>>> = {
  'unawaited.case.ts': {
    'unawaited, passing': [/was not awaited/],
    'unawaited, failing': [/was not awaited/],
    'unawaited, never decided': [/was not awaited/],
    'unawaited soft': [/but it failed after/, /was not awaited/],
    'innocent neighbour': 'green',
    'raced away': [/still undecided when the test ended/],
    'kept in a variable': [/was not awaited/],
    'unawaited, negated': [/\.not\.toEventuallySucceed\(\) was not awaited/],
    'unawaited resolves': [/was not awaited/],
    'unawaited resolves, of a promise that is late': [/timed out in/, /was not awaited/],
    'what comes too late looks at nothing': 'green',
    'awaited in Promise.all and allSettled': 'green',
    'returned instead of awaited': 'green',
    'awaited through then, catch and finally': 'green',
    'then without await, failing': [/but it failed after/],
    'finally without await, failing': [/but it failed after/],
    'then without await, undecided': [/still undecided when the test ended/],
    'catch without await, undecided': [/still undecided when the test ended/],
    'awaited when it was tried again': 'green',
    'unawaited in every attempt': [/was not awaited/, /was not awaited/],
    'unawaited in a fixture': [/was not awaited/],
    'unawaited in afterEach': [/was not awaited/],
    'beside hooks that do not await': 'green',
    'ends before its matcher is called': 'green',
    'a matcher that is called after its test is refused': [/its test 'ends before its matcher is called' had ended/],
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
    'soft and resolves': [/but it failed after/],
    'inside a plain helper': [/but it failed after/],
    'returned from a helper that is no async function': [/but it failed after/],
    'through then': [/but it failed after/],
    'kept, and awaited after something else': [/but it failed after/],
    'a refusal': [/within: expected a duration, received "5 sec"/],
    'every matcher': [
      /to eventually succeed .*but it failed/,
      /to eventually fail .*but it succeeded/,
      /to eventually settle within 30ms/,
      /to eventually reach 'running'/,
      /to pass through 'running', 'succeeded'/,
      /to stay 'running' for 30ms/,
      /never reach 'failed' for 30ms/,
    ],
  },
  'time.case.ts': {
    'within is longer than the test has': [
      /within is 10s, but the test has [\d.]+m?s left of its timeout of 2s[\s\S]*testTimeout/,
    ],
    'within is longer than what is left': [/within is 1\.9s, but the test has 1\.\d+s left/],
    'for is longer than the test has': [/for is 10s, but the test has/],
    'a default wait ends before the runner does': [/to eventually succeed/],
    'the hook does not count': 'green',
    'a matcher in a hook neither is refused nor takes from the test': 'green',
    'a limit of its own': 'green',
    'a limit of its own that is too short': [/within is 400ms, but the test has [\d.]+ms left of its timeout of 300ms/],
    'no limit': 'green',
    'a limit without end': 'green',
    'virtual time is never refused': 'green',
    'a limit set in the file': [/within is 1s, but the test has [\d.]+ms left of its timeout of 600ms/],
    'every attempt has its own time': 'green',
    'a wait that just fits tells its own failure': [/to eventually succeed/],
    'a pending wait is named when the test times out': [/timed out/i, /to eventually succeed[\s\S]*running/],
    'a soft one that is pending is told once': [/to eventually succeed[^]*running/, /timed out/i],
    'and polling has stopped': 'green',
    'a test that times out leaves no matcher behind': [/timed out in/, /to eventually succeed/, /not to eventually fail/],
    'and none of them looks any more': 'green',
    'a test that ends first': [/was not awaited/],
    'stops the polling as well': 'green',
    hung: [/the probe hung: a look had no answer/],
    'hung later': [/the probe hung: a look had no answer/],
    'hung, told at the deadline': 'green',
    'a terminal failure ends the wait at once': 'green',
    'rejects with undefined': [/undefined/],
    'a last look at the deadline': 'green',
    'fake timers do not freeze it': 'green',
    'fake timers switched on in the middle': 'green',
    'faked Date and performance do not freeze it': 'green',
    'two matchers on one thing move faked timers once': 'green',
    'a faked timer that throws fails the test that waits': [/the timer of the test/],
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
    'the bare asymmetric form': [/asymmetric matcher must answer at once/],
    '.not is judged at once': 'green',
    '.not does not pass on a broken probe': [/no such host/],
    'a probe that rejects with undefined is a failure': 'green',
    'a probe that rejects with null is a failure': 'green',
    'a probe that rejects with 0 is a failure': 'green',
    'a probe that rejects with  is a failure': 'green',
    'a probe that rejects with false is a failure': 'green',
    'a number is no operation': 'green',
    'a text is no operation': 'green',
    'null is no operation': 'green',
    'undefined is no operation': 'green',
    'an object is no operation': 'green',
    'a list is no operation': 'green',
    'a map is no operation': 'green',
    'a symbol is no operation': 'green',
    'one matcher is one assertion': 'green',
    'one matcher is an assertion': 'green',
    'too few assertions': [/expected number of assertions to be 2, but got 1/],
    'an option of another library': [/there is no option 'timeout'[^]*did you mean 'within'\?/],
    'a message of the user, with soft and resolves': [/first: expected/, /second: expected/],
    'soft, tried again': 'green',
    'soft, expected to fail': 'green',
    'expected to fail, with time that runs out': 'green',
    'expected to fail, but does not': [/Expect test to fail/],
    'an operation, by several matchers at once': 'green',
    'a promise of a Response': 'green',
    'a Response, twice': 'green',
    "another library's Response and promise": 'green',
    'a monitor': 'green',
  },
  'copies.case.ts': {
    green: 'green',
    unawaited: [/was not awaited/],
    'within is longer than the test has': [/within is 10s, but the test has/],
    "with the context's expect": 'green',
    'with the global expect': [/global expect while \d tests run concurrently/],
    innocent: 'green',
  },
  'concurrent.case.ts': {
    "with the context's expect, good": 'green',
    "with the context's expect, bad": [/but it failed after/],
    "with the context's expect, not awaited": [/was not awaited/],
    'with the global expect': [/global expect while \d tests run concurrently[\s\S]*async \(\{ expect \}\)/],
    'innocent neighbour': 'green',
    'several matchers of one test': 'green',
    'tried again': 'green',
    'a soft one, bad': [/but it failed after/],
    'negated, in a helper': 'green',
    'the global expect beside calls of its own': [/global expect while \d+ tests run concurrently/],
    'innocent last': 'green',
  },
  'shared-one.case.ts': SHARED,
  'shared-two.case.ts': SHARED,
  'bail.case.ts': {
    'the first failure': [/but it failed after/],
    'cut off by it': 'skipped',
  },
};

/** Not the matcher's own failure, so not pointing at it: the runner's time-out, and an assertion of the runner's. */
const NOT_OURS = /timed out in|expected 1 to be 2|expected number of assertions|Expect test to fail/;

interface File {
  readonly name: string;
  /** What the file failed for, besides its tests: a hook of a whole suite. */
  readonly message: string;
  readonly assertionResults: Ran[];
}

const folder = mkdtempSync(join(tmpdir(), 'holdfast-edge-'));
const ran: Map<string, Map<string, Ran>> = new Map();
const messages: Map<string, string> = new Map();
const marked: Map<string, ReadonlySet<number>> = new Map();
const logs: string[] = [];

async function runVitest(name: string, ...options: string[]): Promise<void> {
  const report = join(folder, `${name}.json`);
  const here = import.meta.dirname;
  const args = [
    join(here, '../../../node_modules/vitest/vitest.mjs'),
    'run',
    '--config',
    join(here, 'vitest.config.ts'),
    '--reporter=json',
    '--reporter=default',
    `--outputFile.json=${report}`,
    ...options,
  ];
  await new Promise<void>((resolve) => {
    execFile(
      process.execPath,
      args,
      { env: { ...process.env, NO_COLOR: '1', CI: '' }, maxBuffer: 1e8 },
      (_error, stdout, stderr) => {
        logs.push(stdout + stderr);
        resolve();
      },
    );
  });
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: File[] };
  for (const { name: path, message, assertionResults } of testResults) {
    const file = basename(path);
    ran.set(file, new Map(assertionResults.map((one) => [one.title, one])));
    messages.set(file, message);
    const lines = readFileSync(path, 'utf8').split('\n');
    marked.set(file, new Set(lines.flatMap((line, index) => (line.includes('// HERE') ? [index + 1] : []))));
  }
}

beforeAll(async () => {
  await Promise.all([
    runVitest('cases', '--project', 'cases'),
    runVitest('shared', '--project', 'shared'),
    runVitest('bail', '--project', 'bail', '--bail', '1'),
  ]);
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
        const patterns = typeof wanted === 'string' ? [] : wanted;
        expect(found?.status).toBe(wanted === 'green' ? 'passed' : wanted === 'skipped' ? 'skipped' : 'failed');
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
  expect(logs.join('')).toMatch(/Test Files/);
  expect(logs.join('')).not.toMatch(/Unhandled/);
});

test('what a hook of a suite does not await fails the file, at its line', () => {
  const log = logs.join('');
  for (const matched of ['before all', 'after all']) {
    const line = lineWith('unawaited.case.ts', `toEventuallyReach('${matched}')`);
    expect(log).toMatch(new RegExp(`not awaited[^]{0,300}unawaited\\.case\\.ts:${line}:`));
  }
  expect(messages.get('time.case.ts')).toBe('');
});

function lineWith(file: string, text: string): number {
  const source = readFileSync(join(import.meta.dirname, 'cases', file), 'utf8').split('\n');
  return source.findIndex((line) => line.includes(text)) + 1;
}

function linesIn(stack: string, file: string): readonly number[] {
  return [...stack.matchAll(/([\w-]+\.case\.ts):(\d+):\d+/g)]
    .filter((match) => match[1] === file)
    .map((match) => Number(match[2]));
}
