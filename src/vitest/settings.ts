import { beforeEach, inject } from 'vitest';
import { settings, type Defaults } from '../edge/settings.ts';
import { siteBelow } from '../edge/site.ts';
import type { Owner } from '../edge/owner.ts';
import { ownTask } from './own-test.ts';
import { ownerOf } from './owner.ts';

const { set, of } = settings({
  current() {
    const own = ownTask({ label: 'defaults(…)', site: siteBelow(defaults) });
    return own === undefined ? undefined : ownerOf(own);
  },
  eachTest: (run) => beforeEach(({ task }) => run(ownerOf(task))),
  provided() {
    const given = inject('holdfast');
    return given === undefined
      ? undefined
      : { given, where: 'test.provide.holdfast', example: "provide: { holdfast: { within: '10s' } }" };
  },
});

/**
 * Sets what `eventually`, `consistently` and the matchers take where a call does not say: in a file or a `describe`, for the tests in
 * it; in a test, for the rest of that test. An inner one overrules an outer one, name by name.
 *
 * @throws HarnessError `invalid-options`, `invalid-duration`; `which-test` where several tests run and it cannot be told whose it is
 *
 * @example
 * ```ts
 * import { describe, test } from 'vitest';
 * import { defaults, eventually } from 'holdfast/vitest';
 *
 * describe('the nightly report', () => {
 *   defaults({ within: '3s', pace: '50ms' });
 *   test('is mailed', async () => {
 *     await eventually(() => 1).toBe(1);
 *   });
 * });
 * ```
 */
export function defaults(given: Defaults): void {
  set(given);
}

export function defaultsFor(owner: Owner | undefined): Defaults {
  return of(owner);
}
