import type { Defaults } from '../edge/settings.ts';
import { kept } from './edge.ts';

/**
 * Sets what `eventually`, `consistently` and the matchers take where a call does not say: in a file or a `describe`, for the tests in
 * it; in a test, for the rest of that test. An inner one overrules an outer one, name by name, and all of them the option
 * `holdfastDefaults` of the config.
 * `examples/21-playwright` uses it.
 *
 * @throws HarnessError `invalid-options`, `invalid-duration`
 */
export function defaults(given: Defaults): void {
  kept.set(given);
}
