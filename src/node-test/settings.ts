import { beforeEach } from 'node:test';
import { whichTest } from '../edge/refusals.ts';
import { settings, type Defaults, type Settings } from '../edge/settings.ts';
import { knownTest, testUnderWay } from './tests.ts';

export const kept: Settings = settings({
  current: () => testUnderWay((running) => whichTest('defaults(…)', running)),
  eachTest: (run) =>
    beforeEach((context) => {
      const test = knownTest(context);
      if (test !== undefined) run(test);
    }),
});

/**
 * Sets what `eventually`, `consistently` and the matchers take where a call does not say: in a file or a `describe`, for the tests in
 * it; in a test, for the rest of that test. An inner one overrules an outer one, name by name. In a file that is loaded by
 * `node --test --import ./defaults.mjs` it holds for the whole run.
 * `examples/22-node-test` uses it.
 *
 * @throws HarnessError `invalid-options`, `invalid-duration`
 */
export function defaults(given: Defaults): void {
  kept.set(given);
}
