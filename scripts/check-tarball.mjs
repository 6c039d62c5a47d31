/**
 * The package as users get it: packed, installed into empty projects, used as the README says. Prints one line for each check,
 * and last `N passed, N failed`.
 */
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesBelow } from './lib/build.mjs';
import { tail } from './lib/packages.mjs';
import { run } from './lib/spawn.mjs';

/** What an install without optional peers may bring. */
const MOST_PACKAGES = 15;
const MOST_BYTES = 8_000_000;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const work = mkdtempSync(join(tmpdir(), 'holdfast-tarball-'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
let passed = 0;
let failed = 0;

/**
 * @param {string} name
 * @param {() => Promise<string>} check what to add to the line; throws when the check does not hold
 * @returns {Promise<boolean>} whether it held
 */
async function step(name, check) {
  try {
    console.log(`  ok      ${name}: ${await check()}`);
    passed += 1;
    return true;
  } catch (error) {
    console.log(`  FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}`);
    failed += 1;
    return false;
  }
}

/**
 * @param {string} cwd
 * @param {string} command
 * @param {...string} args
 */
async function must(cwd, command, ...args) {
  const { code, output } = await run(command, args, { cwd, capture: true, env: environment(cwd) });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${tail(output, 30)}`);
  return output;
}

/**
 * What npm tells its scripts must not reach into the projects here; nor may this repository's own programs.
 *
 * @param {string} cwd
 */
function environment(cwd) {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|cache|userconfig)$)|NODE_PATH$|VITEST)/i.test(name),
  );
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !folder.includes(join(root, 'node_modules')));
  return { ...Object.fromEntries(own), PATH: [join(cwd, 'node_modules/.bin'), ...path].join(':') };
}

/**
 * An empty project with these packages.
 *
 * @param {string} name
 * @param {string[]} packages
 */
async function project(name, packages) {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  await must(folder, 'npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', ...packages);
  return folder;
}

/** The first program of the README that is a test. */
function firstExample() {
  const found = readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm);
  const text = [...found].map(([, body]) => body ?? '').find((body) => /from 'vitest'/.test(body));
  if (text === undefined) throw new Error('README.md has no ts fence that imports vitest');
  return text;
}

let tarball = '';
let user = '';

try {
  const there = await step('packed', async () => {
    const { ok, output } = await packed();
    if (!ok) throw new Error(output);
    return output;
  });
  // Of what could not be packed, nothing more can be said.
  if (there) await asInstalled();
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function asInstalled() {
  await step('installed without peers', async () => {
    const folder = await project('bare', [tarball]);
    const { packages } = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8'));
    const count = Object.keys(packages).length;
    const bytes = filesBelow(join(folder, 'node_modules')).reduce(
      (sum, file) => sum + lstatSync(join(folder, 'node_modules', file)).size,
      0,
    );
    const told = `${count} of at most ${MOST_PACKAGES} packages, ${(bytes / 1e6).toFixed(2)} of at most ${MOST_BYTES / 1e6} MB`;
    if (count > MOST_PACKAGES || bytes > MOST_BYTES) throw new Error(told);
    await must(folder, 'node', '--input-type=module', '-e', "await import('holdfast'); await import('holdfast/matchers');");
    return told;
  });

  await step('the command', async () => {
    const output = await must(join(work, 'bare'), 'holdfast', '--help');
    if (!/holdfast follow/.test(output)) throw new Error(`holdfast --help tells nothing of follow:\n${tail(output)}`);
    return 'holdfast --help';
  });

  await step('installed beside Vitest', async () => {
    const versions = ['vitest', 'typescript', '@types/node'].map((name) => `${name}@${manifest.devDependencies[name]}`);
    user = await project('user', [tarball, ...versions]);
    writeFileSync(join(user, 'report.test.ts'), firstExample());
    return versions.join(', ');
  });

  await step("the README's first example runs", async () => {
    const output = await must(user, 'vitest', 'run', '--reporter=default', '--reporter=json', '--outputFile.json=results.json');
    const { numPassedTests, success } = JSON.parse(readFileSync(join(user, 'results.json'), 'utf8'));
    if (success !== true || numPassedTests < 1) throw new Error(tail(output));
    return `${numPassedTests} test`;
  });

  await step("the README's first example compiles", async () => {
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      strict: true,
      noEmit: true,
    };
    writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    writeFileSync(
      join(user, 'wrong.test.ts'),
      [
        "import { operation } from 'holdfast';",
        "import { expect } from 'holdfast/vitest';",
        "const op = operation({ url: 'http://127.0.0.1:1' });",
        '// @ts-expect-error a wrong unit',
        "await expect(op).toEventuallySucceed({ within: '30 parsecs' });",
        '// @ts-expect-error a matcher that is not there',
        'await expect(op).toEventuallySuceed();',
      ].join('\n'),
    );
    await must(user, 'tsc', '-p', '.');
    return 'and two wrong ones do not';
  });
}

async function packed() {
  const output = await must(root, 'npm', 'pack', '--json', '--loglevel=error', '--pack-destination', work);
  const [{ filename, files, size }] = JSON.parse(output.slice(output.indexOf('[\n')));
  tarball = join(work, filename);
  const stray = files
    .map((/** @type {{ path: string }} */ { path }) => path)
    .filter((/** @type {string} */ path) => !/^(dist|src)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path));
  if (stray.length > 0) return { ok: false, output: `users need none of ${stray.join(', ')}` };
  return { ok: true, output: `${files.length} files, ${(size / 1e3).toFixed(0)} kB` };
}

console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
