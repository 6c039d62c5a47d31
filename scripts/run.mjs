/**
 * `node scripts/run.mjs COMMAND …`: every command of this repository, on a Node that its tools support, with what is missing
 * installed first. It must itself run on the Node of an old machine: the JavaScript of Node 14, and no package.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lib/lock.mjs';
import { chooseNode, nodeFirst } from './lib/node.mjs';
import { packagesState, stampOf, tail } from './lib/packages.mjs';
import { npmCommand, run } from './lib/spawn.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const platform = `${process.platform}-${process.arch}`;
const NPM_FLAGS = ['ci', '--loglevel=error', '--no-audit', '--no-fund'];

/**
 * What each command runs, as arguments of Node; `built` asks for an up-to-date `dist` first.
 *
 * @type {Record<string, { says: string, built?: boolean, args: (rest: string[]) => string[] }>}
 */
const COMMANDS = {
  test: { says: 'run the tests', args: (rest) => ['node_modules/vitest/vitest.mjs', 'run', ...rest] },
  demo: { says: 'see it work against a real server', built: true, args: (rest) => ['scripts/demo.mjs', ...rest] },
  bench: { says: 'measure it beside its peers', built: true, args: (rest) => ['--expose-gc', 'bench/index.ts', ...rest] },
  soak: { says: 'run it for long', built: true, args: (rest) => ['--expose-gc', 'test/soak/index.ts', ...rest] },
  ci: { says: 'all that a change must pass', args: (rest) => ['scripts/ci.mjs', ...rest] },
};

/** A failure that needs no stack: one line, and what a tool said. */
class Stop extends Error {}

/** @param {string} line */
function say(line) {
  console.error(`holdfast: ${line}`);
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} file */
function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'));
}

/**
 * @param {string} folder where the lock file is
 * @param {string} node
 * @param {Record<string, string | undefined>} env
 */
async function npmCi(folder, node, env) {
  const [npm, ...npmArgs] = npmCommand(process.env.npm_execpath, node);
  const from = Date.now();
  const { code, output } = await run(npm, [...npmArgs, ...NPM_FLAGS], { cwd: join(root, folder), env, capture: true });
  if (code === 127) throw new Stop(`npm was not found, and it is needed to install what is missing: ${tail(output, 1).trim()}`);
  if (code !== 0) throw new Stop(`npm ci in ${join(root, folder)} failed with code ${code}; its last words:\n${tail(output)}`);
  say(`… installed in ${((Date.now() - from) / 1000).toFixed(1)} s`);
}

/** @param {string} node */
function environment(node) {
  return nodeFirst(process.env, { node, nodeDir: dirname(node), binDir: join(root, 'node_modules', '.bin'), delimiter });
}

/**
 * The path of a Node that this work can be done with, installed where it has to be.
 *
 * @returns {Promise<string>}
 */
async function goodNode() {
  const wanted = readJson('toolchain/package.json').optionalDependencies;
  const choice = chooseNode({
    version: process.version,
    range: readJson('package.json').engines.node,
    platform: process.platform,
    arch: process.arch,
    packages: Object.keys(wanted),
  });
  if (choice.use === 'none') throw new Stop(choice.message);
  if (choice.use === 'own') return process.execPath;
  const folder = `toolchain/node_modules/${choice.name}`;
  const node = join(root, folder, choice.bin);
  const ready = () => {
    const installed = read(`${folder}/package.json`);
    return installed !== undefined && JSON.parse(installed).version === wanted[choice.name] && existsSync(node);
  };
  if (!ready()) {
    await withInstallLock(async () => {
      if (ready()) return;
      say(`this is Node ${process.version}: installing Node ${wanted[choice.name]} for the work here (toolchain/) …`);
      // The environment as it is: the npm on PATH may belong to another Node than the one that runs this.
      await npmCi('toolchain', process.execPath, process.env);
    });
  }
  const { code, output } = ready() ? await run(node, ['-v'], { capture: true }) : { code: 1, output: 'it was not installed' };
  if (code !== 0) {
    throw new Stop(
      `Node ${wanted[choice.name]} of toolchain/ does not start on ${platform} (${output.trim()}): install Node 24 (https://nodejs.org) and run the command again`,
    );
  }
  return node;
}

/** @param {string} node */
async function installPackages(node) {
  const stampFile = 'node_modules/.holdfast-stamp';
  const lockText = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const state = () =>
    packagesState({ lockText, stamp: read(stampFile), installedText: read('node_modules/.package-lock.json'), platform });
  const mark = () => writeFileSync(join(root, stampFile), stampOf(lockText, platform));
  if (state() === 'fresh') return;
  await withInstallLock(async () => {
    const found = state();
    if (found === 'fresh') return;
    if (found === 'unstamped') return mark();
    say(
      found === 'missing' ? 'installing the packages (npm ci) …' : 'package-lock.json has changed: installing again (npm ci) …',
    );
    await npmCi('.', node, environment(node));
    mark();
  });
}

/** @param {() => Promise<void> | void} work */
function withInstallLock(work) {
  return withLock(join(root, '.install.lock'), work, (owner) =>
    say(`waiting for an install that already runs (process ${owner}) …`),
  );
}

function usage() {
  const lines = Object.keys(COMMANDS).map((name) => `  ${name.padEnd(8)} ${(COMMANDS[name] || { says: '' }).says}`);
  return [
    'usage: node scripts/run.mjs COMMAND [ARG…]',
    ...lines,
    '  exec     run a program of node_modules, or node, with ARGs',
  ].join('\n');
}

/** @param {string[]} argv */
async function main([name = '', ...rest]) {
  const command = Object.prototype.hasOwnProperty.call(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined && (name !== 'exec' || rest.length === 0)) {
    console.error(usage());
    return 2;
  }
  const node = await goodNode();
  await installPackages(node);
  const env = environment(node);
  if (command === undefined) {
    const [program = '', ...args] = rest;
    const ended = await run(program === 'node' ? node : program, args, { env });
    if (ended.code === 127) say(ended.output.trim());
    return ended.code;
  }
  const args = command.args(rest);
  const script = args.filter((arg) => /\.(mjs|ts)$/.test(arg))[0];
  if (script !== undefined && !existsSync(join(root, script))) throw new Stop(`${name}: there is no ${script} yet`);
  if (command.built === true) {
    const built = await run(node, ['scripts/build.mjs'], { cwd: root, env });
    if (built.code !== 0) return built.code;
  }
  return (await run(node, args, { cwd: root, env })).code;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    if (error instanceof Stop) say(error.message);
    else console.error(error);
    process.exitCode = 1;
  },
);
