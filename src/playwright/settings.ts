import type { Defaults } from '../edge/settings.ts';
import { kept } from './edge.ts';

/**
 * Sets what `eventually`, `consistently` and the matchers take where a call does not say: in a file or a `describe`, for the tests in
 * it; in a test, for the rest of that test. An inner one overrules an outer one, name by name, and all of them the option
 * `holdfastDefaults` of the config.
 *
 * @throws HarnessError `invalid-options`, `invalid-duration`
 *
 * @example
 * ```ts no-run
 * import { defaults, eventually, test } from 'holdfast/playwright';
 *
 * test.describe('the nightly report', () => {
 *   defaults({ within: '3s', pace: '50ms' });
 *   test('is mailed', async () => {
 *     await eventually(() => 1).toBe(1);
 *   });
 * });
 * ```
 */
export function defaults(given: Defaults): void {
  kept.set(given);
}
