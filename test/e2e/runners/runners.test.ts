/**
 * The same matchers under each runner: the cases of `behaviour.mjs` are run as users run their tests, and must come out alike, to the
 * words. The table of the guide is made of the same rows.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { rejudge } from 'holdfast/logic';
import { parseTrace } from 'holdfast/trace';
import { RUNNERS, runUnder, type Ran, type Report, type Runner } from './run.ts';

const HERE = import.meta.dirname;
const GUIDE = join(HERE, '../../../docs/guide/runners.md');

/** The first lines of what a case fails with, sorted; `T` stands for any duration. None: it passes. */
type Lines = readonly string[];

const NOT_AWAITED = 'expect(…).toEventuallySucceed() was not awaited, so the test could end before it was decided';
const FAILED = 'expected the probe to eventually succeed within T, but it failed after T';
const RUNNERS_OWN =
  'Promise returned by `expect(actual).resolves.toEventuallySucceed()` was not awaited. This assertion is asynchronous and must be awaited; otherwise, it is not guaranteed to complete before the test finishes:';
const ASYMMETRIC =
  'expect.toEventuallySucceed() inside another matcher cannot work: it waits, and an asymmetric matcher must answer at once';
const POLLS = 'expect.poll(…).toEventuallySucceed() polls twice: toEventuallySucceed waits by itself';
const CUT = (why: string): string =>
  `expected look to eventually succeed within T, but the wait was ended after T, while it was 'running': ${why}`;

const FORM_UNAWAITED = (form: string): string => `${form} was not awaited, so the test could end before it was decided`;
/** Each runner says it in its own words. */
const FORM = (wanted: string, words: Readonly<Record<Runner, string>>): Partial<Record<Runner, Lines>> =>
  Object.fromEntries(RUNNERS.map((runner) => [runner, [`expected the ${wanted}: ${words[runner]}`]]));
const OTHERS = (vitest: string, others: string): Readonly<Record<Runner, string>> => ({
  vitest,
  jest: others,
  playwright: others,
  'node-test': others,
});
const NOT_2 = OTHERS('expected 1 to be 2 // Object.is equality', 'expect(received).toBe(expected): expected 2, received 1');
const IS_NOT_2 = FORM('probe to eventually pass toBe(2) within T, but all N attempts failed with', NOT_2);
const FORM_CUT = (why: string): string =>
  `expected the probe to eventually pass toBe(2) within T, but the wait was ended after T: ${why}`;
const TIMED_OUT: Readonly<Record<Runner, Lines>> = {
  vitest: ['Test timed out in T.', FORM_CUT('Test timed out in T')],
  jest: [FORM_CUT('Exceeded timeout of T for a test'), 'thrown: "Exceeded timeout of T for a test.'],
  playwright: ['Test timeout of T exceeded.', FORM_CUT('the test timed out after T')],
  'node-test': ['test timed out after T'],
};

/** What must come of each case under every runner that has it. */
const CASES: Readonly<Record<string, Lines | Partial<Record<Runner, Lines | undefined>>>> = {
  passes: [],
  'a stream is opened by its first matcher': [],
  'and is closed by the end of its test': [],
  fails: [FAILED],
  'is not decided in time': ["expected the probe to eventually succeed within T, but after T it was still 'running'"],
  'fails where it is awaited later': [FAILED],
  'fails because nobody answers': [
    'expected the probe to eventually succeed within T, but all N looks failed: fetch failed: bad port',
  ],
  '.not passes on an ending that decides': [],
  '.not does not pass on a timeout': [
    "expected the probe not to eventually succeed within T, but nothing was decided: it neither succeeded nor ended otherwise; after T it was still 'running'",
  ],
  'a value cannot change': [
    'toEventuallySucceed: expected an operation, a function, or a Response to follow; received 42, which is a value and cannot change any more',
  ],
  'a wrong option': ["toEventuallySucceed: there is no option 'timeout'"],
  asymmetric: [ASYMMETRIC],
  'asymmetric, negated': [ASYMMETRIC],
  'not awaited': [NOT_AWAITED],
  'not awaited, and never decided': [NOT_AWAITED],
  'not awaited, and failing': [NOT_AWAITED],
  'not awaited, twice': [
    'expect(…).toEventuallyReach() was not awaited, so the test could end before it was decided',
    NOT_AWAITED,
  ],
  'innocent neighbour': [],
  'still undecided at the end': ['expect(…).toEventuallySucceed() was still undecided when the test ended'],
  'awaited in Promise.all': [],
  'returned instead of awaited': [],
  'of a promise': [],
  'of a promise, and not awaited': { vitest: [RUNNERS_OWN], jest: [], playwright: [], 'node-test': [] },
  hung: ['expected the probe to eventually succeed within T, but the probe hung: a look had no answer for T'],
  'the test times out while a matcher waits': {
    vitest: ['Test timed out in T.', CUT('Test timed out in T')],
    jest: [CUT('Exceeded timeout of T for a test'), 'thrown: "Exceeded timeout of T for a test.'],
    playwright: ['Test timeout of T exceeded.', CUT('the test timed out after T')],
    'node-test': ['test timed out after T'],
  },
  'and the looks have stopped': [],
  'within is longer than the test has': {
    vitest: ['toEventuallySucceed: within is T, but the test has T left of its timeout of T'],
    jest: ['toEventuallySucceed: within is T, but the test has T left of its timeout of T'],
    playwright: ['toEventuallySucceed: within is T, but the test has T left of its timeout of T'],
    'node-test': ['test timed out after T'],
  },
  'ends before its matcher is called': { jest: [], 'node-test': [] },
  'a matcher that is called after its test is refused': { jest: [], 'node-test': [] },
  'fake timers do not freeze it': { vitest: [], jest: [], 'node-test': [] },
  'fake timers are moved on': {
    vitest: [],
    jest: [],
    'node-test': ["expected the probe to eventually succeed within T, but after T it was still 'running'"],
  },
  // A test that passes in the end keeps what it failed with before, where the runner keeps it.
  'tried again': { vitest: [NOT_AWAITED], jest: [], playwright: [NOT_AWAITED] },
  // Playwright tells what it failed with, as it was expected to.
  'expected to fail': { vitest: [], jest: [], playwright: [FAILED], 'node-test': [] },
  'expected to fail, and not awaited': {
    vitest: [],
    jest: [],
    playwright: [NOT_AWAITED],
    'node-test': ['test was expected to fail but passed'],
  },
  'soft goes on': {
    vitest: ['expected the probe to eventually fail within T, but it succeeded after T', FAILED],
    playwright: ['expected the probe to eventually fail within T, but it succeeded after T', FAILED],
  },
  polled: { vitest: [POLLS], playwright: [POLLS] },
  'with a message': { vitest: [`the nightly report: ${FAILED}`], playwright: [`the nightly report: ${FAILED}`] },
  'concurrent, good': { vitest: [], jest: [], 'node-test': [] },
  'concurrent, bad': { vitest: [FAILED], jest: [FAILED], 'node-test': [FAILED] },
  'concurrent, not awaited': { vitest: [NOT_AWAITED], jest: [NOT_AWAITED], 'node-test': [NOT_AWAITED] },
  'concurrent, innocent': { vitest: [], jest: [], 'node-test': [] },
  'not awaited, last of the file': [NOT_AWAITED],
  'form, a block passes': [],
  'form, every kind of matcher passes': [],
  'form, matchers of your own pass': [],
  'form, a matcher fails': IS_NOT_2,
  'form, a block fails': FORM(
    'block to eventually pass within T, but all N attempts failed, the last one with',
    OTHERS('expected 1 to be 4 // Object.is equality', 'expect(received).toBe(expected): expected 4, received 1'),
  ),
  'form, what came nearest is told': [],
  'form, what would have passed later is told': [],
  'form, consistently holds': [],
  'form, consistently holds without options': [],
  'form, consistently ends at the first that fails': FORM(
    'probe to keep passing toBe(1) for T, but it failed after T, when N attempts had passed',
    OTHERS('expected 2 to be 1 // Object.is equality', 'expect(received).toBe(expected): expected 1, received 2'),
  ),
  'form, a block that is not awaited': [FORM_UNAWAITED('eventually(…)')],
  'form, a matcher that is not awaited': [FORM_UNAWAITED('eventually(…).toBe()')],
  'form, two that are not awaited': [FORM_UNAWAITED('consistently(…).toBe()'), FORM_UNAWAITED('eventually(…).toBe()')],
  'form, then without await': IS_NOT_2,
  'form, raced away': ['eventually(…).toBe() was still undecided when the test ended'],
  'form, innocent neighbour': [],
  'form, one that writes a snapshot, and one that waits by itself': [
    'eventually(…).toEventuallySucceed() polls twice: toEventuallySucceed waits by itself',
  ],
  'form, its test times out in mid-wait': TIMED_OUT,
  'form, and the attempts have stopped': [],
  'form, its test times out while an attempt hangs': TIMED_OUT,
  'form, and what hangs has been told': [],
  'form, more time than the test has': {
    vitest: ['eventually(…): within is T, but the test has T left of its timeout of T'],
    jest: ['eventually(…): within is T, but the test has T left of its timeout of T'],
    playwright: ['eventually(…): within is T, but the test has T left of its timeout of T'],
  },
  'form, defaults hold': [],
  'form, defaults of an inner describe overrule': [],
  'form, defaults in a test overrule': [],
  'form, concurrent, defaults hold': { vitest: [], jest: [] },
  'form, concurrent, defaults in a test': { vitest: [], jest: [], 'node-test': [] },
  'form, concurrent, and not in its neighbour': { vitest: [], jest: [], 'node-test': [] },
  'form, defaults hold nowhere else': [],
  'form, an option of the suite holds': { playwright: [] },
  'form, fake timers do not freeze it': { vitest: [], jest: [], 'node-test': [] },
  'form, counts as one assertion': { vitest: [], jest: [] },
  'form, there is no soft one': { jest: [], 'node-test': [] },
  'form, soft goes on': {
    vitest: [...IS_NOT_2.vitest!, ...IS_NOT_2.vitest!.map((line) => line.replaceAll('2', '3'))],
    playwright: [...IS_NOT_2.playwright!, ...IS_NOT_2.playwright!.map((line) => line.replaceAll('2', '3'))],
  },
  'form, a pass with hardly any time left': [],
  'form, an easy pass': [],
  'form, concurrent, good': { vitest: [], jest: [], 'node-test': [] },
  'form, concurrent, bad': { ...IS_NOT_2, playwright: undefined },
  'form, concurrent, not awaited': {
    vitest: [FORM_UNAWAITED('eventually(…).toBe()')],
    jest: [FORM_UNAWAITED('eventually(…).toBe()')],
    'node-test': [FORM_UNAWAITED('eventually(…).toBe()')],
  },
  'form, not awaited, last of the file': [FORM_UNAWAITED('eventually(…).toBe()')],
  // What only one of them has.
  'hooks: passes': { jest: [] },
  'hooks: not awaited': { jest: [NOT_AWAITED] },
  'hooks: innocent neighbour': { jest: [] },
  'in hooks: called in beforeEach, awaited in the test': { jest: [] },
  'in hooks: not awaited in afterEach': { jest: [NOT_AWAITED] },
  'in hooks: innocent': { jest: [] },
  'required: passes': { jest: [] },
  'required: not awaited': { jest: [NOT_AWAITED] },
  'own test: passes': { playwright: [] },
  'own test: what a matcher opened is closed with it': { playwright: [] },
  'own test: not awaited, and not noticed': { playwright: [] },
  'merged: not awaited': { playwright: [NOT_AWAITED] },
  't.assert: passes': { 'node-test': [] },
  't.assert: fails': { 'node-test': [FAILED] },
  't.assert: not awaited': {
    'node-test': [NOT_AWAITED.replace('expect(…).toEventuallySucceed()', 't.assert.toEventuallySucceed(…)')],
  },
  't.assert: concurrent, good': { 'node-test': [] },
  't.assert: concurrent, not awaited': {
    'node-test': [NOT_AWAITED.replace('expect(…).toEventuallySucceed()', 't.assert.toEventuallySucceed(…)')],
  },
};

/** The table of the guide: what holds, the cases that show it, and what to say where no case does. */
const ROWS: readonly (readonly [says: string, cases: readonly string[], otherwise?: Partial<Record<Runner, string>>])[] = [
  ['passes, and fails with the same words', ['passes', 'fails', 'is not decided in time', 'hung']],
  [
    'what a matcher opened is closed at the end of its test',
    ['a stream is opened by its first matcher', 'and is closed by the end of its test'],
  ],
  ['a failure points at the call', ['fails', 'fails where it is awaited later', 'not awaited']],
  ['`.not` is judged, and no timeout passes it', ['.not passes on an ending that decides', '.not does not pass on a timeout']],
  [
    'a forgotten `await` fails its own test',
    ['not awaited', 'not awaited, twice', 'innocent neighbour', 'still undecided at the end'],
  ],
  ['`.resolves` works', ['of a promise']],
  [
    '… and a forgotten `await` there',
    ['of a promise, and not awaited'],
    { jest: 'not noticed', playwright: 'not noticed', 'node-test': 'not noticed' },
  ],
  ['the asymmetric form is refused', ['asymmetric', 'asymmetric, negated']],
  [
    'a test that times out tells what was pending',
    ['the test times out while a matcher waits'],
    { 'node-test': 'as a diagnostic' },
  ],
  ['… and the looks stop', ['and the looks have stopped']],
  [
    'a call that comes after its test is refused',
    ['ends before its matcher is called', 'a matcher that is called after its test is refused'],
    { vitest: "with the context's `expect`", playwright: "no: it is taken for the next test's" },
  ],
  [
    'a wait longer than the test has is refused',
    ['within is longer than the test has'],
    { 'node-test': 'no: Node does not tell the limit' },
  ],
  ['fake timers do not freeze it', ['fake timers do not freeze it'], { playwright: 'none there' }],
  [
    '… and are moved on as it waits',
    ['fake timers are moved on'],
    { playwright: 'none there', 'node-test': 'no: tick them yourself' },
  ],
  [
    'tests at the same time',
    ['concurrent, good', 'concurrent, bad', 'concurrent, not awaited', 'concurrent, innocent'],
    { playwright: 'none in one process' },
  ],
  ['a test that is tried again', ['tried again'], { 'node-test': 'none there' }],
  [
    'a test that is to fail',
    ['expected to fail', 'expected to fail, and not awaited'],
    { 'node-test': 'yes, but not by a forgotten `await`' },
  ],
  ['`expect.soft`', ['soft goes on'], { jest: 'none there', 'node-test': 'none there' }],
  ['`expect.poll` is refused', ['polled'], { jest: 'none there', 'node-test': 'none there' }],
  [
    '`eventually` and `consistently`, as blocks and with any matcher',
    ['form, a block passes', 'form, every kind of matcher passes', 'form, a matcher fails', 'form, consistently holds'],
  ],
  ['… with matchers of your own', ['form, matchers of your own pass']],
  [
    '… a forgotten `await` fails its own test',
    ['form, a block that is not awaited', 'form, a matcher that is not awaited', 'form, then without await', 'form, raced away'],
  ],
  [
    '… a test that times out tells what was pending, and the attempts stop',
    [
      'form, its test times out in mid-wait',
      'form, its test times out while an attempt hangs',
      'form, and the attempts have stopped',
    ],
    { 'node-test': 'as a diagnostic' },
  ],
  [
    '… tests at the same time',
    ['form, concurrent, good', 'form, concurrent, bad', 'form, concurrent, not awaited'],
    { playwright: 'none in one process' },
  ],
  ['… `eventually.soft`', ['form, soft goes on'], { jest: 'none there', 'node-test': 'none there' }],
  [
    '… count as one assertion',
    ['form, counts as one assertion'],
    { playwright: 'not counted there', 'node-test': 'not counted there' },
  ],
  [
    '`defaults` of a file, a `describe`, a test',
    ['form, defaults hold', 'form, defaults of an inner describe overrule', 'form, defaults in a test overrule'],
  ],
  ['"it would have passed 90ms later"', ['form, what would have passed later is told']],
  [
    'a pass with hardly any time left is remarked on',
    ['form, a pass with hardly any time left', 'form, an easy pass'],
    { vitest: 'as an annotation', jest: 'no place for it', playwright: 'as an annotation', 'node-test': 'as a diagnostic' },
  ],
  [
    'the timeline of a failure as an SVG',
    ['form, a matcher fails', 'is not decided in time'],
    { vitest: 'as an annotation', jest: 'no place for it', playwright: 'attached', 'node-test': 'no place for it' },
  ],
  ['a message of yours comes first', ['with a message'], { jest: 'none there', 'node-test': 'none there' }],
];
const NAMES: Readonly<Record<Runner, string>> = {
  vitest: 'Vitest',
  jest: 'Jest',
  playwright: 'Playwright',
  'node-test': '`node:test`',
};

const reports: Partial<Record<Runner, Report>> = {};
const marked = Object.fromEntries(
  ['behaviour', 'forms'].map((name) => {
    const lines = readFileSync(join(HERE, `cases/${name}.mjs`), 'utf8').split('\n');
    return [name, new Set(lines.flatMap((line, index) => (line.includes('// HERE') ? [index + 1] : [])))];
  }),
);

beforeAll(async () => {
  // Two at a time: each keeps a core busy.
  const waiting = [...RUNNERS];
  const work = async (): Promise<void> => {
    for (let runner = waiting.shift(); runner !== undefined; runner = waiting.shift()) reports[runner] = await runUnder(runner);
  };
  await Promise.all([work(), work()]);
}, 180_000);

function linesFor(title: string, runner: Runner): Lines | undefined {
  const told = CASES[title]!;
  return Array.isArray(told)
    ? title.includes(': ')
      ? undefined
      : (told as Lines)
    : (told as Partial<Record<Runner, Lines | undefined>>)[runner];
}

/** The first line of an error, without its class and what differs from run to run. */
function firstLine(error: string): string {
  return error
    .split('\n')[0]!
    .replace(/^(ContractViolation|HarnessError|TestTimeoutError|Error): /, '')
    .replace(/\b\d+ (looks|attempts)\b/g, 'N $1')
    .replace(/\b[\d.]+ ?m?s\b/g, 'T');
}

function ran(runner: Runner, title: string): Ran {
  const found = reports[runner]!.cases.get(title);
  if (found === undefined) throw new Error(`${runner} did not run '${title}':\n${reports[runner]!.output.slice(-2000)}`);
  return found;
}

/** What this Node is too old for: to tell whose code is running, to expect a failure, and, with Jest, to require an ES module. */
const KNOWS_TEST = 'getTestContext' in process.getBuiltinModule('node:test');
const EXPECTS_FAILURE = 'expectFailure' in process.getBuiltinModule('node:test');
const REQUIRES_ESM = process.versions.node.localeCompare('24.9.0', 'en', { numeric: true }) >= 0;

function tooOld(title: string, runner: Runner): boolean {
  if (runner === 'node-test' && !EXPECTS_FAILURE && title.startsWith('expected to fail')) return true;
  if (runner === 'node-test') return !KNOWS_TEST && /^(form, )?concurrent, |its matcher is called$|after its test/.test(title);
  return runner === 'jest' && !REQUIRES_ESM && title.startsWith('required: ');
}

describe.each(RUNNERS)('%s', (runner) => {
  const titles = Object.keys(CASES).filter((title) => linesFor(title, runner) !== undefined && !tooOld(title, runner));

  test('ran exactly the cases that are told here', () => {
    const suites = new Set(['together', 'defaults of a describe', 'of an inner one']);
    const found = [...reports[runner]!.cases.keys()].filter((title) => !suites.has(title) && !tooOld(title, runner));
    expect(found.sort()).toEqual([...titles].sort());
  });

  test.each(titles)('%s', (title) => {
    const { passed, errors } = ran(runner, title);
    const lines = linesFor(title, runner)!;
    expect(errors.map(firstLine).sort()).toEqual([...lines].sort());
    expect(passed).toBe(lines.length === 0 || title === 'tried again');
  });

  test('every failure of ours points at a line that is marked', () => {
    const ours = [...reports[runner]!.cases.values()].flatMap((one) => one.errors).filter((error) => OURS.test(error));
    expect(ours.length).toBeGreaterThan(15);
    for (const error of ours) {
      const [, file = '', line] = /\b(behaviour|forms)\.mjs:(\d+)/.exec(error) ?? [];
      expect([error, line === undefined ? OTHER_FILES.test(error) : marked[file]!.has(Number(line))]).toEqual([error, true]);
    }
  });

  test('nothing went unhandled', () => {
    expect(reports[runner]!.output).not.toMatch(/unhandled|uncaught/i);
  });
});

const OURS = /^(ContractViolation|HarnessError): /;
const OTHER_FILES = /(jest-hooks|jest-in-hooks|jest-required|playwright-own|node-test-assert)\.case\.[mc]js:\d+/;

test('under node:test, what was pending as a test timed out is told as a diagnostic', () => {
  const { told } = ran('node-test', 'the test times out while a matcher waits');
  expect(told.map(firstLine)).toEqual([CUT('the test timed out or was cancelled')]);
});

test.each(['form, its test times out in mid-wait', 'form, its test times out while an attempt hangs'])(
  'under node:test, %s: a diagnostic',
  (title) => {
    expect(ran('node-test', title).told.map(firstLine)).toEqual([FORM_CUT('the test timed out or was cancelled')]);
  },
);

test.each(['playwright', 'node-test'] as const)('under %s, a pass with hardly any time left is remarked on', (runner) => {
  const { told } = ran(runner, 'form, a pass with hardly any time left');
  expect(told).toEqual([
    expect.stringMatching(/^eventually\(…\)\.toBe\(\) passed at \d+ % of its budget \([\d.]+m?s of 1s\): raise within/),
    expect.stringMatching(/^expect\(…\)\.toEventuallySucceed\(\) passed at \d+ % of its budget/),
  ]);
  expect(ran(runner, 'form, an easy pass').told).toEqual([]);
});

test.each(['is not decided in time', 'form, a matcher fails'])('under Playwright, what failed has its timeline: %s', (title) => {
  const { attachments } = ran('playwright', title);
  const ours = attachments.filter(({ name }) => name.startsWith('holdfast'));
  expect(ours.map(({ name }) => name)).toEqual(['holdfast-trace.jsonl', 'holdfast-timeline.svg']);
  expect(ours[1]?.body).toMatch(/^<svg xmlns[^]*<\/svg>\n$/);
});

test('only an older node:test refuses expect while several tests run', () => {
  const refused = [...reports['node-test']!.cases].filter(
    ([title, { errors }]) => title.startsWith('concurrent') && REFUSED.test(errors.join()),
  );
  expect(refused.length > 0).toBe(!KNOWS_TEST);
});
const REFUSED = /on the global expect while \d+ tests run concurrently[^]*t\.assert\.toEventuallySucceed\(op\)/;

test('under Jest, what a hook of a whole file does not await fails the file, at its line', () => {
  expect(reports.jest!.output).toMatch(
    /expect\(…\)\.toEventuallyReach\(\) was not awaited[^]{0,600}jest-in-hooks\.case\.mjs:29:/,
  );
});

test('under Playwright, what was seen is attached, and judges as it was judged', () => {
  const { attachments } = ran('playwright', 'is not decided in time');
  const trace = parseTrace(attachments.find(({ name }) => name === 'holdfast-trace.jsonl')!.body);
  expect(rejudge(trace).map(({ verdict, decidedBy }) => [verdict, decidedBy])).toEqual([['violated', 'deadline']]);
});

describe('the table of the guide', () => {
  const cell = (runner: Runner, cases: readonly string[], otherwise: Partial<Record<Runner, string>>): string =>
    otherwise[runner] ?? (cases.every((title) => linesFor(title, runner) !== undefined) ? 'yes' : '?');
  const table = [
    ['what holds', ...RUNNERS.map((runner) => NAMES[runner])],
    ...ROWS.map(([says, cases, otherwise = {}]) => [says, ...RUNNERS.map((runner) => cell(runner, cases, otherwise))]),
  ].map((cells) => `| ${cells.join(' | ')} |`);

  test('says what was run here', () => {
    const lines = readFileSync(GUIDE, 'utf8').replace(/ +/g, ' ').split('\n');
    const rows = lines.filter((line) => line.startsWith('|') && !/^\|[ :|-]+\|$/.test(line));
    const first = rows.indexOf(table[0]!);
    expect(rows.slice(first, first + table.length)).toEqual(table);
  });

  test('has a case behind every cell', () => {
    expect(table.join('\n')).not.toContain('?');
    expect(ROWS.flatMap(([, cases]) => cases.filter((title) => !(title in CASES)))).toEqual([]);
  });
});
