/** How many checks passed and failed, read from what tools leave behind. Pure. A tool that failed counts as a failure, whatever it says. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * @param {Counts} a
 * @param {Counts} b
 * @returns {Counts}
 */
export function add(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * @param {Counts} counts
 * @returns {string} `N passed, N failed`, and the skipped where there are any
 */
export function describeCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * A run of Vitest. A file that fails outside its tests (it does not load, a hook throws) counts as one, and so does a run that
 * fails with every test green: an unhandled rejection, a threshold.
 *
 * @param {string | undefined} json what its JSON reporter wrote
 * @param {number} code its exit code
 * @returns {Counts}
 */
export function countsOfTests(json, code) {
  /** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */
  let results;
  try {
    results = JSON.parse(json ?? '');
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const files = results.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  );
  const failed = results.numFailedTests + files.length;
  const silent = results.numPassedTests === 0 || code !== 0 ? 1 : 0;
  return {
    passed: results.numPassedTests,
    failed: Math.max(failed, silent),
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/**
 * A script whose last line is `N passed, N failed`.
 *
 * @param {string} output
 * @param {number} code
 * @returns {Counts}
 */
export function countsOfLines(output, code) {
  const found = /(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/.exec(output);
  const [passed, failed, skipped] = [1, 2, 3].map((group) => Number(found?.[group] ?? 0));
  return { passed: passed ?? 0, failed: Math.max(failed ?? 0, found === null || code !== 0 ? 1 : 0), skipped: skipped ?? 0 };
}
