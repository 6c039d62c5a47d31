import { describe, expect, test } from 'vitest';
import { checkCycles, checkImports, SIDEWAYS } from './checks/floors.ts';
import { readSources } from './checks/source.ts';

const sources = readSources('src');

/** The real tree with one file more, or another text for one. */
function planted(path: string, text: string): string[] {
  return checkImports(new Map([...sources, [path, text]]));
}

describe('imports', () => {
  test('there are sources to read', () => {
    expect(sources.size).toBeGreaterThan(30);
    expect(sources.has('src/time/clock.ts')).toBe(true);
  });

  test('go down only', () => {
    expect(checkImports(sources)).toEqual([]);
  });

  test('make no rings', () => {
    expect(checkCycles(sources)).toEqual([]);
  });

  test('sideways ones are declared with a reason', () => {
    for (const { reason } of SIDEWAYS) expect(reason.length).toBeGreaterThan(10);
  });
});

describe('a planted import is found', () => {
  test.each([
    [
      'upwards',
      'src/time/planted.ts',
      "import { watch } from '../watch/index.ts';",
      'time is on floor 0 and watch above it, on 3',
    ],
    ['upwards, of a type', 'src/trace/planted.ts', "import type { Claim } from '../logic/index.ts';", 'logic above it'],
    ['upwards, as import()', 'src/logic/planted.ts', "export const load = () => import('../watch/index.ts');", 'watch above it'],
    ['upwards, in a type', 'src/logic/planted.ts', "export type W = import('../watch/index.ts').Subject;", 'watch above it'],
    ['upwards, as a re-export', 'src/trace/planted.ts', "export * from '../logic/index.ts';", 'logic above it'],
    ['upwards, from a nested folder', 'src/logic/claims/planted.ts', "import '../../watch/index.ts';", 'watch above it'],
    ['sideways', 'src/watch/planted.ts', "import '../report/index.ts';", 'must be declared'],
    ['between edges', 'src/vitest/planted.ts', "import '../cli/main.ts';", 'must be declared'],
    ['of a judge by the demo', 'src/demo/planted.ts', "import '../logic/index.ts';", 'demo may import time alone'],
    ['of an edge by the core surface', 'src/index.ts', "export * from './vitest/index.ts';", 'imports no edge'],
    ['of the core surface', 'src/watch/planted.ts', "import '../index.ts';", 'nothing imports the core surface'],
    ['by errors.ts', 'src/errors.ts', "import './time/index.ts';", 'it imports nothing'],
    ['of a folder on no floor', 'src/cli/planted.ts', "import '../vitset/index.ts';", 'there is no such file'],
    ['of what is outside src', 'src/cli/planted.ts', "import '../../test/x.ts';", 'outside src'],
    ['of a runner by a matcher', 'src/matchers/planted.ts', "import { expect } from 'vitest';", 'loaded late'],
    ['of a peer type in public types', 'src/matchers/planted.ts', "import type { Test } from 'vitest';", 'structural'],
    [
      "of what has a peer's types, by another runner",
      'src/playwright/planted.ts',
      "import { expectForms } from '../edge/expect-forms.ts';",
      'it names the types of expect',
    ],
    ['of a package', 'src/cli/planted.ts', "import chalk from 'chalk';", 'no such peer'],
    ['of a socket by a judge', 'src/logic/planted.ts', "import { connect } from 'node:net';", 'no input or output'],
    ['of something computed', 'src/cli/planted.ts', 'export const load = (name: string) => import(name);', 'readable'],
  ])('%s', (_, path, text, why) => {
    const found = planted(path, text).filter((line) => line.startsWith(path));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(why);
  });

  test('a folder on no floor', () => {
    const found = checkImports(new Map([...sources, ['src/misc/a.ts', "import '../time/index.ts';"]]));
    expect(found.filter((line) => line.startsWith('src/misc'))).toEqual([
      'src/misc/a.ts:1 imports ../time/index.ts: misc is on no floor: add it to FLOORS',
    ]);
  });

  test('but the same words in a comment or a string are not', () => {
    const text = "// import '../watch/index.ts'\nexport const s = \"import '../watch/index.ts'\";";
    expect(planted('src/time/planted.ts', text).filter((line) => line.includes('planted'))).toEqual([]);
  });

  test('and a ring of files', () => {
    const ring = new Map([
      ['src/time/a.ts', "import './b.ts';"],
      ['src/time/b.ts', "import type { C } from './c.ts';"],
      ['src/time/c.ts', "export { a } from './a.ts';"],
      ['src/time/d.ts', "import './a.ts';"],
    ]);
    expect(checkCycles(ring)).toEqual(['src/time/a.ts → src/time/b.ts → src/time/c.ts → src/time/a.ts']);
  });
});
