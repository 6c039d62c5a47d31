/**
 * The examples for the other runners, each run as its users run it, from the built package. Prints what each says, and last
 * `N passed, N failed`.
 */
import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './lib/build.mjs';
import { tail } from './lib/packages.mjs';
import { run } from './lib/spawn.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * What each is started with, and where it says how many tests passed. What counts as a failure is its exit code.
 *
 * @type {Record<string, { args: string[], env?: Record<string, string>, passed: RegExp }>}
 */
const RUNNERS = {
  Jest: {
    args: ['node_modules/jest/bin/jest.js', '--config', 'examples/20-jest/jest.config.json'],
    env: { NODE_OPTIONS: '--experimental-vm-modules' },
    passed: /^Tests: .*?(\d+) passed/m,
  },
  Playwright: {
    args: ['node_modules/@playwright/test/cli.js', 'test', '--config', 'examples/21-playwright/playwright.config.ts'],
    passed: /(\d+) passed/,
  },
  'node:test': {
    args: ['--test', ...globSync('examples/22-node-test/*.test.ts', { cwd: root })],
    passed: /^ℹ pass (\d+)$/m,
  },
};

const { ok, output } = await ensureBuilt(root);
if (!ok) console.error(output);
let passed = 0;
let failed = 0;
for (const [name, { args, env = {}, passed: pattern }] of Object.entries(RUNNERS)) {
  const ended = await run(process.execPath, args, {
    cwd: root,
    capture: true,
    env: { ...process.env, ...env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const count = Number(pattern.exec(ended.output)?.[1] ?? 0);
  const good = ended.code === 0 && count > 0;
  passed += count;
  // Whoever fails without naming a test has failed all the same.
  failed += good ? 0 : 1;
  console.log(`  ${good ? 'ok    ' : 'FAILED'}  ${name}: ${count} passed${good ? '' : `\n${tail(ended.output, 40)}`}`);
}
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
