/** An up-to-date `dist`, made once even when several ask at the same time. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { withLock } from './lock.mjs';
import { run } from './spawn.mjs';

/**
 * Every file below a folder, as paths with `/`, sorted. A folder that is not there holds none.
 *
 * @param {string} folder
 * @returns {string[]}
 */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/**
 * The files of `dist` that no source stands behind any more: they would be packed, and tested, for ever.
 *
 * @param {readonly string[]} sources paths below `src`
 * @param {readonly string[]} outputs paths below `dist`
 * @returns {string[]}
 */
export function leftovers(sources, outputs) {
  const stems = new Set(sources.filter((path) => path.endsWith('.ts')).map((path) => path.slice(0, -'.ts'.length)));
  return outputs.filter((path) => !stems.has(path.replace(/(\.d\.ts|\.js)(\.map)?$/, '')));
}

/** @param {string} root */
function fingerprint(root) {
  const hash = createHash('sha256');
  const inputs = [
    ...filesBelow(join(root, 'src')).map((path) => `src/${path}`),
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
  ];
  for (const path of inputs)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

/** @param {string} root */
function complete(root) {
  const outputs = new Set(filesBelow(join(root, 'dist')));
  return filesBelow(join(root, 'src')).every((path) => !path.endsWith('.ts') || outputs.has(path.replace(/\.ts$/, '.js')));
}

/**
 * Compiles `src` to `dist` unless it is already the compiled form of these very sources.
 *
 * @param {string} root the repository
 * @returns {Promise<{ built: boolean, ok: boolean, output: string }>}
 */
export async function ensureBuilt(root) {
  const cache = join(root, 'node_modules', '.cache', 'holdfast');
  const stampFile = join(cache, 'built');
  mkdirSync(cache, { recursive: true });
  const fresh = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === fingerprint(root) && complete(root);
  if (fresh()) return { built: false, ok: true, output: '' };
  return withLock(join(cache, 'build.lock'), async () => {
    if (fresh()) return { built: false, ok: true, output: '' };
    const stamp = fingerprint(root);
    rmSync(stampFile, { force: true });
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { code, output } = await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
      cwd: root,
      capture: true,
    });
    if (code !== 0) return { built: true, ok: false, output };
    const dist = join(root, 'dist');
    for (const path of leftovers(filesBelow(join(root, 'src')), filesBelow(dist))) rmSync(join(dist, path));
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, stamp);
    return { built: true, ok: true, output };
  });
}
