import type { Defaults } from '../edge/settings.ts';
import { kept } from './edge.ts';

/**
 * Sets what `eventually`, `consistently` and the matchers take where a call does not say: in a file or a `describe`, for the tests in
 * it; in a test, for the rest of that test. An inner one overrules an outer one, name by name. In a file of `setupFilesAfterEnv` it
 * holds for the whole run.
 * `examples/20-jest` uses it.
 *
 * @throws HarnessError `invalid-options`, `invalid-duration`; `which-test` where several tests run and it cannot be told whose it is
 */
export function defaults(given: Defaults): void {
  kept.set(given);
}
