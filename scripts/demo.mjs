/**
 * `npm run demo`: the demo server in a process of its own, one operation followed live, the examples' suite against it, and
 * one failure message to read.
 */
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters as plain } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cli = join(root, 'dist/cli/main.js');
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const bold = (/** @type {string} */ text) => (colour ? `\u001b[1m${text}\u001b[22m` : text);
const started = performance.now();

/** @param {string} title */
function chapter(title) {
  console.log(`\n${bold(title)}\n`);
}

/**
 * Runs a program to its end, handing on its output line by line.
 *
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @param {(line: string) => boolean} shown which lines are worth showing
 * @returns {Promise<{ code: number, lines: string[] }>}
 */
function run(args, env, shown) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, ...env, ...(colour ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    /** @type {string[]} */
    const lines = [];
    const reading = [child.stdout, child.stderr].map(
      (stream) =>
        new Promise((done) => {
          const reader = createInterface({ input: stream });
          reader.on('line', (line) => {
            lines.push(line);
            if (shown(line)) console.log(`  ${line}`);
          });
          reader.on('close', done);
        }),
    );
    child.on('error', reject);
    child.on('close', (code) => void Promise.all(reading).then(() => resolve({ code: code ?? 1, lines })));
  });
}

/** @returns {Promise<{ url: string, stop: () => Promise<void> }>} */
function startServer() {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'demo', '--json', '--port', '0'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((done) => void child.on('close', done));
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the demo server ended with code ${code} before it listened`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { url } = /** @type {{ url?: string }} */ (JSON.parse(line));
      if (url === undefined) return;
      resolve({
        url,
        stop: async () => {
          child.kill('SIGTERM');
          await ended;
        },
      });
    });
    process.on('exit', () => void child.kill());
  });
}

const server = await startServer();
let failed = false;
try {
  console.log(
    `The demo server listens on ${server.url} (a process of its own). It accepts reports and trips now, and finishes them later.`,
  );

  chapter('One operation, followed to its end (holdfast follow)');
  console.log(`  $ holdfast follow --pace 200ms -d '{"title":"Third quarter","rows":2}' ${server.url}/reports\n`);
  const followed = await run(
    [cli, 'follow', '--pace', '200ms', '-d', '{"title":"Third quarter","rows":2}', `${server.url}/reports`],
    {},
    () => true,
  );
  failed ||= followed.code !== 0;

  chapter('The examples, against the same server (examples/)');
  const config = ['--config', join(root, 'examples/vitest.config.ts')];
  const examples = await run([vitest, 'run', ...config, '--reporter=verbose'], { DEMO_URL: server.url }, (line) =>
    /✓|×|↓|❯|Error|Violation/.test(line),
  );
  failed ||= examples.code !== 0;

  chapter('And one that fails on purpose, to show what a failure says (examples/failing/)');
  const failing = await run(
    [vitest, 'run', ...config, '--dir', join(root, 'examples/failing'), '--reporter=default'],
    { DEMO_URL: server.url },
    () => false,
  );
  const from = failing.lines.findIndex((line) => plain(line).includes('ContractViolation'));
  const to = failing.lines.findIndex((line, index) => index > from && /⎯{8}/.test(plain(line)));
  if (from < 0 || failing.code === 0) {
    failed = true;
    console.log(failing.lines.join('\n'));
    console.log('  (it was expected to fail with a message, and did not)');
  } else {
    console.log(
      failing.lines
        .slice(from, to < 0 ? undefined : to)
        .map((line) => `  ${line}`)
        .join('\n')
        .trimEnd(),
    );
  }

  const count = (/** @type {RegExp} */ pattern) =>
    Number(pattern.exec(plain(examples.lines.findLast((line) => /\bTests\b/.test(plain(line))) ?? ''))?.[1] ?? 0);
  chapter('Summary');
  console.log(`  examples   ${count(/(\d+) passed/)} passed, ${count(/(\d+) failed/)} failed`);
  console.log(
    `  followed   ${followed.code === 0 ? 'one operation to its success' : `an operation, which ended with code ${followed.code}`}`,
  );
  console.log(`  message    ${from < 0 ? 'missing' : 'one deliberate failure, told as above'}`);
  console.log(`  took       ${((performance.now() - started) / 1000).toFixed(1)} s`);
  console.log(`\n  Next: README.md, "Five minutes"; docs/demo.md, what the server can do. Try it yourself: npx holdfast demo`);
} finally {
  await server.stop();
}
process.exitCode = failed ? 1 : 0;
