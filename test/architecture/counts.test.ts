import { describe, expect, test } from 'vitest';
import { add, countsOfLines, countsOfTests, describeCounts } from '../../scripts/lib/counts.mjs';

const results = (
  numPassedTests: number,
  numFailedTests: number,
  files: readonly (readonly [string, ...string[]])[] = [],
): string =>
  JSON.stringify({
    numPassedTests,
    numFailedTests,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: files.map(([status, ...tests]) => ({ status, assertionResults: tests.map((one) => ({ status: one })) })),
  });

describe('the counts of a run', () => {
  test.each([
    ['green', results(5, 0, [['passed', 'passed']]), 0, 5, 0],
    ['a failed test', results(4, 1, [['failed', 'failed', 'passed']]), 1, 4, 1],
    ['a file that does not load', results(4, 0, [['failed'], ['passed', 'passed']]), 1, 4, 1],
    [
      'a hook that throws beside a failed test elsewhere',
      results(3, 1, [
        ['failed', 'passed'],
        ['failed', 'failed'],
      ]),
      1,
      3,
      2,
    ],
    ['an unhandled rejection', results(5, 0, [['passed', 'passed']]), 1, 5, 1],
    ['no test at all', results(0, 0), 0, 0, 1],
  ])('%s', (_, json, code, passed, failed) => {
    expect(countsOfTests(json, code)).toEqual({ passed, failed, skipped: 2 });
  });

  test.each([undefined, '', '{"numPassed'])('nothing to read (%s)', (json) => {
    expect(countsOfTests(json, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});

test.each([
  ['x\n3 passed, 0 failed\n', 0, { passed: 3, failed: 0, skipped: 0 }],
  ['3 passed, 2 failed, 1 skipped', 1, { passed: 3, failed: 2, skipped: 1 }],
  ['3 passed, 0 failed\n', 1, { passed: 3, failed: 1, skipped: 0 }],
  ['3 passed, 0 failed\nError: it broke afterwards', 1, { passed: 0, failed: 1, skipped: 0 }],
  ['', 0, { passed: 0, failed: 1, skipped: 0 }],
])('the counts of %j with code %i', (output, code, counts) => {
  expect(countsOfLines(output, code)).toEqual(counts);
});

test('the last line', () => {
  const sum = add({ passed: 1, failed: 0, skipped: 0 }, { passed: 2, failed: 1, skipped: 0 });
  expect(describeCounts(sum)).toBe('3 passed, 1 failed');
  expect(describeCounts({ ...sum, skipped: 4 })).toBe('3 passed, 1 failed, 4 skipped');
});
