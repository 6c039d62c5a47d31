import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkFrozen, printOf } from './checks/frozen.ts';

const folder = join(import.meta.dirname, '../../src/demo/bugs');
const frozen = JSON.parse(readFileSync(join(import.meta.dirname, 'frozen-bugs.json'), 'utf8')) as Record<string, string>;
const files = new Map(
  readdirSync(folder)
    .filter((name) => name !== 'index.ts')
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
);

test('the bugs that were frozen are as they were', () => {
  expect(Object.keys(frozen).length).toBeGreaterThanOrEqual(82);
  expect(checkFrozen(frozen, files)).toEqual([]);
});

test('a bug that is changed or gone is found, and one that is new or moved is not', () => {
  const was = { 'a.ts': printOf("import './x.ts';\nexport const a = 1;\n"), 'b.ts': printOf('export const b = 1;\n') };
  expect(checkFrozen(was, new Map([['a.ts', "import '../x.ts';\nexport const a = 1;\n"]]))).toEqual([
    'b.ts is frozen, and is gone: put it back',
  ]);
  const now = new Map([
    ['a.ts', 'export const a = 2;\n'],
    ['b.ts', 'export const b = 1;\n'],
    ['c.ts', 'export const c = 1;\n'],
  ]);
  expect(checkFrozen(was, now)).toEqual([
    'a.ts is frozen, and has changed: put it back, and add another bug under a name of its own',
  ]);
});
