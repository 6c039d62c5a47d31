import type { Expect } from 'expect';
import { createRequire } from 'node:module';
import type { Edge } from '../edge/edge.ts';
import { expectations, uncounted } from '../edge/expectations.ts';
import { adaptForExpect, asksOf } from '../edge/expect-package.ts';
import { globalExpect, whichTest } from '../edge/refusals.ts';
import { at } from '../edge/site.ts';
import { HarnessError } from '../errors.ts';
import type { Matcher } from '../matchers/matcher.ts';
import type { Millis } from '../time/index.ts';
import { kept } from './settings.ts';
import { currentTest, remark } from './tests.ts';

/** How a test is given this much time, in milliseconds. */
export function giveTime(ms: Millis): string {
  return `test(name, { timeout: ${ms} }, fn)`;
}

const own = installed();

/** The package's own `expect`, extended; where the package is not installed, a function that says so. */
export function extendExpect(matchers: readonly Matcher[]): Expect {
  if (own === undefined) return missing as unknown as Expect;
  const matcherEdge = {
    asks: asksOf(own),
    ownTest: (name: string) =>
      currentTest((running) =>
        globalExpect(
          name,
          running,
          `use the assert of the test's context: test('…', async (t) => { await t.assert.${name}(op) })`,
        ),
      ),
    giveTime,
    defaults: kept.of,
    remark,
  };
  own.extend(Object.fromEntries(matchers.map((matcher) => [matcher.name, adaptForExpect(matcher, matcherEdge)])));
  return own;
}

/** Node's runner, as the block and fluent forms know it. Blocks need no package; the matchers are those of `expect`. */
export const edge: Edge = {
  ...(own === undefined ? { kindOf: kindOfMissing, assertion: missing, isAssertion: () => false } : expectations(own)),
  ownTest: ({ label, site }) => currentTest((running) => at(whichTest(label, running), site) as HarnessError),
  counting: () => (own === undefined ? uncounted() : own.getState()),
  defaults: kept.of,
  giveTime,
  remark,
};

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

/** Whoever asks for a matcher is told why there is none; to whom it is printed, it has none. */
function kindOfMissing(name: string): undefined {
  if (!(name in Object.prototype) && /^(?:not|resolves|rejects|to(?!JSON)[A-Z]\w*)$/.test(name)) missing();
  return undefined;
}
