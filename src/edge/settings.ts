import { beforeEach, inject, TestRunner, type RunnerTestCase } from 'vitest';
import { HarnessError, nearest, show } from '../errors.ts';
import { paceFrom, parseDuration, type Duration, type PaceOption } from '../time/index.ts';

/** What may be set once for a suite, a file or a whole run. */
export interface Defaults {
  /** How long `eventually` waits: milliseconds, or a number with its unit (`'30s'`). */
  readonly within?: Duration | undefined;
  /** How long `consistently` watches. */
  readonly for?: Duration | undefined;
  /** When to look again: a fixed gap, or a pace. A config can hold a fixed gap only. */
  readonly pace?: PaceOption | undefined;
  /** How long to look on past the deadline. */
  readonly lookPast?: Duration | undefined;
}

const KNOWN = ['within', 'for', 'pace', 'lookPast'] as const;

const byTest: WeakMap<RunnerTestCase, Defaults> = new WeakMap();

/**
 * Sets what `eventually` and `consistently` take where a call does not say: in a file or a `describe`, for the tests in it; in a
 * test, for the rest of that test. An inner one overrules an outer one, name by name.
 *
 * @throws HarnessError `invalid-options`, `invalid-duration`
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
  const checked = checkDefaults(given, 'defaults');
  const current = TestRunner.getCurrentTest();
  if (current?.type === 'test') byTest.set(current, { ...byTest.get(current), ...checked });
  else beforeEach(({ task }) => void byTest.set(task, { ...byTest.get(task), ...checked }));
}

/** What holds for a test: what the config provides, overruled by the suites it is in and by itself. */
export function defaultsFor(task: RunnerTestCase | undefined): Defaults {
  const own = task === undefined ? undefined : byTest.get(task);
  const provided = inject('holdfast');
  if (provided === undefined) return own ?? NONE;
  return { ...checkDefaults(provided, 'test.provide.holdfast'), ...own };
}

const NONE: Defaults = {};

function checkDefaults(given: Defaults, where: string): Defaults {
  const options: unknown = given;
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new HarnessError(
      'invalid-options',
      `${where}: expected options, received ${show(given)}`,
      `write ${where}({ within: '10s' })`,
    );
  for (const [name, value] of Object.entries(options)) {
    if (!(KNOWN as readonly string[]).includes(name)) {
      const near = nearest(name, KNOWN);
      throw new HarnessError(
        'invalid-options',
        `${where}: there is no option '${name}'`,
        near === undefined ? `there are ${KNOWN.join(', ')}` : `did you mean '${near}'?`,
      );
    }
    if (value === undefined) continue;
    if (name === 'pace') paceFrom(value as PaceOption);
    else parseDuration(value as Duration, name);
  }
  return given;
}

/** How a test is given this much time, in milliseconds. */
export function giveTime(ms: number): string {
  return `test(name, fn, ${ms}) or test.testTimeout in the Vitest config`;
}
