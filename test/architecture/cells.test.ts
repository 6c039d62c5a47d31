import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { CELLS_FILE, CELLS_PAGE, renderCells } from '../../scripts/lib/cells.mjs';
import * as rows from '../conformance/cells/rows.ts';
import { PAIRS } from '../conformance/dialects/cast.ts';
import { ROOT } from './checks/source.ts';

const page = readFileSync(join(ROOT, CELLS_PAGE), 'utf8');
const text = readFileSync(join(ROOT, CELLS_FILE), 'utf8');
const { BESIDE: beside, TOLD: told, CHANNELS: channels, ROWS, WHY: why, SCRIPTED: scripted } = rows;
const cells = { ...rows, rows: ROWS, beside, told, channels, pairs: PAIRS, why, scripted, text };

test('the tables of what is claimed where are fresh', () => {
  expect(renderCells(cells), 'run npm run gen').toBe(page);
});

/** Where each link of the tables leads: the line in its file. */
const links = (of: string): readonly (readonly [path: string, line: string | undefined])[] =>
  [...of.matchAll(/\]\(([^)#]+)(?:#L(\d+))?[^)]*\)/g)].map(([, path = '', line]) => {
    const file = join(ROOT, dirname(CELLS_PAGE), path);
    if (!existsSync(file)) return [path, undefined];
    return [path, line === undefined ? '' : readFileSync(file, 'utf8').split('\n')[Number(line) - 1]];
  });

test('each of its links leads to what is there, and each ✓ to the case of its matcher', () => {
  expect(links(page).filter(([, line]) => line === undefined)).toEqual([]);
  const lines = page.split('\n').filter((line) => line.includes('[✓]'));
  expect(lines.length).toBeGreaterThan(Object.keys(ROWS).length);
  for (const line of lines) {
    const [, matcher] = /^\| \[`(\w+)`\]/.exec(line) ?? [];
    const cases = links(line).filter(([path]) => path.endsWith('rows.ts'));
    expect(new Set(cases.map(([, found]) => found?.slice(0, `  ${matcher}: {`.length)))).toEqual(new Set([`  ${matcher}: {`]));
  }
});

test('what breaks them is found', () => {
  expect(renderCells({ ...cells, text: `\n${text}` })).not.toBe(page);
  expect(() => renderCells({ ...cells, text: '' })).toThrow(/has no line for/);
  expect(links('[a](../nowhere.md) [✓](../../test/conformance/cells/rows.ts#L99999)').map(([, line]) => line)).toEqual([
    undefined,
    undefined,
  ]);
});
