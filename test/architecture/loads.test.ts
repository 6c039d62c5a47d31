import { mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../scripts/lib/spawn.mjs';
import { setup } from '../setup/built.ts';
import { PEERS } from './checks/floors.ts';
import type { Manifest } from './checks/manifest.ts';
import { ROOT } from './checks/source.ts';

const { exports: paths = {} } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
// What is data is read, not loaded.
const subPaths = Object.keys(paths).filter((path) => !path.endsWith('.json'));
/** The edges that exist to be loaded by a runner; everything else imports without its peers. */
const runnerEdges = new Set(
  Object.values(PEERS)
    .flat()
    .map((edge) => `./${edge}`),
);

/** Node's own modules that cost something to load, and are for the few who use what needs them. */
const HEAVY =
  /^(sqlite|crypto|zlib|http|http2|https|net|tls|dgram|child_process|worker_threads|cluster|inspector|repl|test|vm|wasi)$/;

/** What `specifier` loads, in a Node of its own: the files, and the modules of Node that were not there before. */
const PROBE = `
  import { registerHooks } from 'node:module';
  const names = () => process.moduleLoadList.filter((name) => name.startsWith('NativeModule ')).map((name) => name.slice(13));
  const before = new Set(names());
  const files = [];
  const builtins = [];
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      (found.url.startsWith('node:') ? builtins : files).push(found.url);
      return found;
    },
  });
  const loaded = await import(process.argv[1]);
  console.log(JSON.stringify({ files, builtins, more: names().filter((name) => !before.has(name)), exports: Object.keys(loaded) }));
`;

interface Loaded {
  readonly files: readonly string[];
  readonly builtins: readonly string[];
  readonly more: readonly string[];
  readonly exports: readonly string[];
}

let folder = '';

/** A project beside which only our own package stands, without one peer. */
beforeAll(async () => {
  await setup();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-loads-'));
  mkdirSync(join(folder, 'node_modules/holdfast'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'node_modules/holdfast/package.json'), readFileSync(join(ROOT, 'package.json')));
  symlinkSync(join(ROOT, 'dist'), join(folder, 'node_modules/holdfast/dist'), 'junction');
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function load(specifier: string): Promise<Loaded> {
  // Without --preserve-symlinks the compiled files would find this repository's own node_modules, peers and all.
  const args = ['--preserve-symlinks', '--input-type=module', '-e', PROBE, specifier];
  const { code, output } = await run(process.execPath, args, { cwd: folder, capture: true });
  if (code !== 0) throw new Error(`${specifier} does not load:\n${output}`);
  return JSON.parse(output) as Loaded;
}

function heavyIn({ builtins, more }: Loaded): readonly string[] {
  return [...new Set([...builtins.map((url) => url.slice('node:'.length)), ...more])].filter((name) => HEAVY.test(name));
}

/** Files outside our own package: peers, or anything else. */
function strangers({ files }: Loaded): readonly string[] {
  return files.filter((url) => !url.includes('/node_modules/holdfast/dist/'));
}

test("import 'holdfast' loads no peer, and nothing heavy of Node", async () => {
  const loaded = await load('holdfast');
  expect(loaded.exports.length).toBeGreaterThan(3);
  expect(loaded.files.length).toBeGreaterThan(10);
  // Each file costs about half a millisecond: the words of reports and the catalogue of claims wait until they are asked for, and
  // what is imported from a folder is imported from its file, not by way of the folder's index, which loads them all.
  // The dialects do not: an acceptance is recognised by all of them, in the turn in which it is read.
  expect(new Set(loaded.files).size).toBeLessThanOrEqual(44);
  expect(strangers(loaded)).toEqual([]);
  expect(heavyIn(loaded)).toEqual([]);
});

/** Those that open servers, sign or unpack do so late. The demo is a server, and whoever imports it starts it. */
const light = subPaths.filter((path) => !runnerEdges.has(path) && path !== './demo');

test.each(light)('%s loads nothing heavy of Node', async (path) => {
  expect(heavyIn(await load(`holdfast${path.slice(1)}`))).toEqual([]);
});

test.each(subPaths.filter((path) => !runnerEdges.has(path)))('%s imports without its peers', async (path) => {
  const loaded = await load(`holdfast${path.slice(1)}`);
  expect(loaded.exports.length).toBeGreaterThan(0);
  expect(strangers(loaded)).toEqual([]);
});

test('what needs a peer says what to install', async () => {
  const cli = join(folder, 'node_modules/holdfast/dist/cli/main.js');
  const script = `const { run } = await import(${JSON.stringify(cli)});
    const out = (text) => process.stdout.write(text);
    process.exitCode = await run(['demo', '--port', '0', '--smtp', 'smtp://127.0.0.1:25'], { out, err: out });`;
  const args = ['--preserve-symlinks', '--input-type=module', '-e', script];
  const { code, output } = await run(process.execPath, args, { cwd: folder, capture: true });
  expect([code, output.trim()]).toEqual([
    3,
    'holdfast demo: mail is sent by nodemailer, which is not installed (npm install nodemailer)',
  ]);
});

test('a probe on a broker says what to install', async () => {
  const probes = join(folder, 'node_modules/holdfast/dist/probes/index.js');
  const script = `const { amqp, nats, mqtt, redis, kafka, postgres } = await import(${JSON.stringify(probes)});
    const all = [amqp('amqp://h', { queue: 'a' }), nats('nats://h', { subject: 'a' }), mqtt('mqtt://h', { topic: 'a' }),
      redis('redis://h', { stream: 'a' }), kafka('h:1', { topic: 'a' }), postgres('postgres://h/d', { channel: 'a' })];
    const clock = { now: () => 0, after: () => () => {}, sleep: async () => {} };
    for (const probe of all) await probe.open({ clock, record: () => {} }).catch(({ code, hint }) => console.log(code, hint));`;
  const args = ['--preserve-symlinks', '--input-type=module', '-e', script];
  const { code, output } = await run(process.execPath, args, { cwd: folder, capture: true });
  expect([code, output.trim().split('\n')]).toEqual([
    0,
    ['amqplib', '@nats-io/transport-node', 'mqtt', 'ioredis', '@platformatic/kafka', 'pg'].map(
      (name) => `not-installed npm install --save-dev ${name}`,
    ),
  ]);
});

test('what drives a Toxiproxy says what to install', async () => {
  const script = `const { toxiproxy } = await import('holdfast/inject');
    await toxiproxy({ proxy: 'redis' }).catch(({ code, hint }) => console.log(code, hint));`;
  const args = ['--preserve-symlinks', '--input-type=module', '-e', script];
  const { output } = await run(process.execPath, args, { cwd: folder, capture: true });
  expect(output).toMatch(/^not-installed npm install --save-dev toxiproxy-node-client, or use tcpProxy/);
});

test('holdfast/node-test has t.assert without a package, and says what its expect needs', async () => {
  const file = join(folder, 'bare.test.mjs');
  const text = `import { test } from 'node:test';
    import { expect } from 'holdfast/node-test';
    test('assert', (t) => t.assert.toEventuallySucceed(() => true));
    test('expect', () => expect(1));`;
  writeFileSync(file, text);
  const { output } = await run(process.execPath, ['--preserve-symlinks', '--test-reporter=tap', file], {
    cwd: folder,
    capture: true,
  });
  expect(output).toMatch(/^ok 1 - assert$/m);
  expect(output).toMatch(/^not ok 2 - expect$[^]*code: 'not-installed'/m);
  expect(output).toContain('npm install --save-dev expect');
});

describe('a planted load is found', () => {
  const plant = async (name: string, text: string): Promise<string> => {
    const file = join(folder, `${name}.mjs`);
    writeFileSync(file, text);
    return file;
  };

  test('of a peer that is not there', async () => {
    const file = await plant('peer', "import 'vitest'; export const a = 1;");
    await expect(load(file)).rejects.toThrow(/Cannot find package 'vitest'/);
    await expect(load('holdfast/vitest')).rejects.toThrow(/Cannot find package 'vitest'/);
  });

  test('of something heavy', async () => {
    expect(heavyIn(await load(await plant('sqlite', "import 'node:sqlite'; export const a = 1;")))).toContain('sqlite');
    expect(heavyIn(await load(await plant('http', "process.getBuiltinModule('node:http'); export const a = 1;")))).toContain(
      'http',
    );
  });

  test('of a file of somebody else', async () => {
    await plant('other', 'export {};');
    expect(strangers(await load(await plant('stranger', "import './other.mjs';")))).toHaveLength(2);
  });
});
