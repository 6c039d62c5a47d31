/**
 * `npm run ci`: all that a change must pass, each check with its name and its time. The last line is `N passed, N failed`: every
 * test counts as one, and so does every check that is not made of tests.
 *
 * `.ci/run` has run the tests before, and hands on their exit code and their seconds as `--tests CODE --took SECONDS`; their
 * results are in RESULTS.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { add, countsOfLines, countsOfTests, describeCounts } from './lib/counts.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const RESULTS = '.vitest/ci';
/** A step that takes longer than this is stuck. */
const STEP_MS = 10 * 60_000;

const { values } = parseArgs({ options: { tests: { type: 'string' }, took: { type: 'string', default: '0' } } });

/** @typedef {import('./lib/counts.mjs').Counts} Counts */

let total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const summary = [];

/**
 * @param {string} name
 * @param {() => Counts} work
 * @param {number} [before] seconds that it took before this script began
 */
function step(name, work, before = 0) {
  console.log(`\n== ${name}`);
  const from = performance.now();
  const counts = work();
  const line = `${counts.failed > 0 ? 'FAILED' : 'ok    '}  ${name.padEnd(12)} ${(before + (performance.now() - from) / 1000).toFixed(1).padStart(6)} s  ${describeCounts(counts)}`;
  console.log(line);
  summary.push(line);
  total = add(total, counts);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {boolean} [capture]
 */
function start(command, args, capture = false) {
  const ended = spawnSync(command, args, {
    cwd: root,
    stdio: capture ? ['ignore', 'pipe', 'inherit'] : ['ignore', 'inherit', 'inherit'],
    encoding: 'utf8',
    timeout: STEP_MS,
    killSignal: 'SIGKILL',
    shell: process.platform === 'win32',
  });
  if (ended.error !== undefined) console.error(`${command}: ${ended.error.message}`);
  if (capture) process.stdout.write(ended.stdout ?? '');
  return { code: ended.status ?? 1, output: ended.stdout ?? '' };
}

/**
 * A script of package.json: one check.
 *
 * @param {string} name
 * @param {...string} args
 * @returns {Counts}
 */
function script(name, ...args) {
  const { code } = start('npm', ['run', '--silent', name, ...(args.length > 0 ? ['--', ...args] : [])]);
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
}

/**
 * A run of Vitest, counted by its tests.
 *
 * @param {string} file where its JSON is
 * @param {number} code its exit code
 * @returns {Counts}
 */
function tests(file, code) {
  const path = join(root, RESULTS, file);
  return countsOfTests(existsSync(path) ? readFileSync(path, 'utf8') : undefined, code);
}

/**
 * @param {string} file
 * @param {...string} args
 * @returns {Counts}
 */
function vitest(file, ...args) {
  const output = join(RESULTS, file);
  rmSync(join(root, output), { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${join(root, output)}`];
  const { code } = start(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args, ...reporters]);
  return tests(file, code);
}

/**
 * A script of ours that counts by itself.
 *
 * @param {string} file
 * @returns {Counts}
 */
function lines(file) {
  const { code, output } = start(process.execPath, [file], true);
  return countsOfLines(output, code);
}

mkdirSync(join(root, RESULTS), { recursive: true });
step(
  'tests',
  () => (values.tests === undefined ? vitest('tests.json') : tests('tests.json', Number(values.tests))),
  Number(values.took),
);
step('lint', () => script('lint'));
step('types', () => script('types'));
step('format', () => script('format:check'));
step('unused', () => script('unused'));
step('generated', () => script('gen', '--check'));
step('package', () => script('package'));
step('examples', () => vitest('examples.json', '--config', 'examples/vitest.config.ts'));
step('runners', () => lines('scripts/examples.mjs'));
step('demo', () => script('demo'));
step('tarball', () => lines('scripts/check-tarball.mjs'));

console.log(`\n${summary.join('\n')}\n`);
const last = describeCounts(total);
writeFileSync(join(root, RESULTS, 'last-line'), `${last}\n`);
console.log(last);
if (total.failed > 0) process.exitCode = 1;
