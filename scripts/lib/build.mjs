/**
 * An up-to-date `dist`, made once even when several ask at the same time: a declaration for each source, and the programs joined
 * into few files, since most of what an import costs is the number of files it reads.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
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
 * What users can import and start: paths below `src` and `dist` without their endings, sorted.
 *
 * @param {{ exports: Record<string, string>, bin: Record<string, string> }} manifest
 * @returns {string[]}
 */
export function entriesOf({ exports, bin }) {
  return [...Object.values(exports), ...Object.values(bin)]
    .filter((target) => target.endsWith('.js'))
    .map((target) => target.replace(/^\.\/dist\//, '').replace(/\.js$/, ''))
    .sort();
}

/**
 * @param {readonly string[]} sources paths below `src`
 * @returns {string[]} their declarations below `dist`
 */
function declarationsOf(sources) {
  return sources.filter((path) => path.endsWith('.ts')).map((path) => path.replace(/\.ts$/, '.d.ts'));
}

/**
 * The files of `dist` that no source stands behind any more: they would be packed, and tested, for ever.
 *
 * @param {readonly string[]} sources paths below `src`
 * @param {readonly string[]} programs paths below `dist` of the programs that the sources make
 * @param {readonly string[]} outputs paths below `dist`
 * @returns {string[]}
 */
export function leftovers(sources, programs, outputs) {
  const known = new Set([...declarationsOf(sources), ...programs]);
  return outputs.filter((path) => !known.has(path.replace(/\.map$/, '')));
}

/**
 * What users get as it stands: JSON, such as schemas.
 *
 * @param {string} root
 * @returns {string[]} paths below `dist`
 */
function copied(root) {
  const files = filesBelow(join(root, 'src')).filter((path) => path.endsWith('.json'));
  for (const path of files) {
    mkdirSync(dirname(join(root, 'dist', path)), { recursive: true });
    copyFileSync(join(root, 'src', path), join(root, 'dist', path));
  }
  return files;
}

/** @param {string} root */
function fingerprint(root) {
  const hash = createHash('sha256');
  const inputs = [
    ...filesBelow(join(root, 'src')).map((path) => `src/${path}`),
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
    'scripts/lib/build.mjs',
  ];
  for (const path of inputs)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  return hash.digest('hex');
}

/**
 * Writes the programs of `dist`: a file for each entry, and in `chunks` what several of them share. What is not ours stays an
 * import, and is loaded when it was.
 *
 * @param {string} root
 * @returns {Promise<string[]>} their paths below `dist`
 */
async function writePrograms(root) {
  const { rolldown } = await import('rolldown');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const bundle = await rolldown({
    input: Object.fromEntries(entriesOf(manifest).map((entry) => [entry, join(root, 'src', `${entry}.ts`)])),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
    preserveEntrySignatures: 'strict',
  });
  try {
    const { output } = await bundle.write({
      dir: join(root, 'dist'),
      format: 'esm',
      sourcemap: true,
      // The sources are shipped beside it.
      sourcemapExcludeSources: true,
      keepNames: true,
      entryFileNames: '[name].js',
      chunkFileNames: 'chunks/[name].js',
    });
    return output.map((file) => file.fileName).filter((name) => name.endsWith('.js'));
  } finally {
    await bundle.close();
  }
}

/**
 * Makes `dist` of `src` unless it is already made of these very sources.
 *
 * @param {string} root the repository
 * @returns {Promise<{ built: boolean, ok: boolean, output: string }>}
 */
export async function ensureBuilt(root) {
  const cache = join(root, 'node_modules', '.cache', 'holdfast');
  const stampFile = join(cache, 'built.json');
  const dist = join(root, 'dist');
  mkdirSync(cache, { recursive: true });
  const fresh = () => {
    if (!existsSync(stampFile)) return false;
    const { of, programs } = JSON.parse(readFileSync(stampFile, 'utf8'));
    if (of !== fingerprint(root)) return false;
    const there = new Set(filesBelow(dist));
    return [...declarationsOf(filesBelow(join(root, 'src'))), ...programs].every((path) => there.has(path));
  };
  if (fresh()) return { built: false, ok: true, output: '' };
  return withLock(join(cache, 'build.lock'), async () => {
    if (fresh()) return { built: false, ok: true, output: '' };
    const of = fingerprint(root);
    rmSync(stampFile, { force: true });
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const { code, output } = await run(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], {
      cwd: root,
      capture: true,
    });
    if (code !== 0) return { built: true, ok: false, output };
    const programs = [...(await writePrograms(root)), ...copied(root)];
    for (const path of leftovers(filesBelow(join(root, 'src')), programs, filesBelow(dist))) rmSync(join(dist, path));
    writeFileSync(stampFile, JSON.stringify({ of, programs }));
    return { built: true, ok: true, output };
  });
}
