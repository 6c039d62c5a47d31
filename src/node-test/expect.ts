import type { Expect } from 'expect';
import { createRequire } from 'node:module';
import { adaptForExpect, asksOf } from '../edge/expect-package.ts';
import { HarnessError } from '../errors.ts';
import type { Matcher } from '../matchers/matcher.ts';
import { currentTest } from './tests.ts';

/** The package's own `expect`, extended; where the package is not installed, a function that says so. */
export function extendExpect(matchers: readonly Matcher[]): Expect {
  const expect = installed();
  if (expect === undefined) return missing as unknown as Expect;
  const edge = {
    asks: asksOf(expect),
    ownTest: currentTest,
    giveTime: (ms: number): string => `test(name, { timeout: ${ms} }, fn)`,
  };
  expect.extend(Object.fromEntries(matchers.map((matcher) => [matcher.name, adaptForExpect(matcher, edge)])));
  return expect;
}

/** Required, not imported: an import without it would fail those who use `t.assert` alone. */
function installed(): Expect | undefined {
  try {
    return (createRequire(import.meta.url)('expect') as { expect: Expect }).expect;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

function missing(): never {
  throw new HarnessError(
    'not-installed',
    "holdfast/node-test: expect needs the package 'expect', which is not installed",
    'npm install --save-dev expect; or use t.assert, which needs nothing',
  );
}
