import { describe, expect, test } from 'vitest';
import { checkOracle } from './checks/oracle.ts';
import { readSources } from './checks/source.ts';

const sources = readSources('test/oracle');

test('the checks of the demo know neither its sources nor a runner', () => {
  expect(sources.size).toBeGreaterThan(20);
  expect(checkOracle(sources)).toEqual([]);
});

describe('a planted import is found', () => {
  test.each([
    ['of the sources by a check', 'planted.ts', "import '../../src/demo/index.ts';"],
    ['of a type of the sources', 'planted.ts', "import type { Parts } from '../../src/demo/parts.ts';"],
    ['of the package', 'planted.ts', "import { demoApp } from 'holdfast/demo';"],
    ['of a runner', 'planted.ts', "import { expect } from 'vitest';"],
    ["of Node's runner", 'planted.ts', "import { test } from 'node:test';"],
    ['of the start by a check', 'planted.ts', "import { withCompany } from './start.ts';"],
    ['of one check by another', 'planted.ts', "import check from './lost-result.ts';"],
    ['late', 'planted.ts', "export const load = () => import('../../src/time/index.ts');"],
    ['of something computed', 'planted.ts', 'export const load = (name: string) => import(name);'],
    ['by the company', 'company.ts', "export { seeded } from '../../src/time/index.ts';"],
    ['of another floor by the start', 'start.ts', "import { watch } from '../../src/watch/index.ts';"],
    ['of the sources by the script', 'run.ts', "import { BUGS } from '../../src/demo/index.ts';"],
  ])('%s', (_, file, text) => {
    const found = checkOracle(new Map([...sources, [`test/oracle/${file}`, text]]));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`test/oracle/${file}:1 imports `);
  });

  test("but what a check needs of Node's own is not", () => {
    const text = "import assert from 'node:assert/strict';\nimport { post } from './company.ts';\nawait post(assert as never);";
    expect(checkOracle(new Map([['test/oracle/planted.ts', text]]))).toEqual([]);
  });
});
