import { beforeEach, inject, TestRunner, type RunnerTestCase } from 'vitest';
import { HarnessError, nearest, show } from '../errors.ts';
import { formatDuration, paceFrom, parseDuration, type Duration, type Millis, type PaceOption } from '../time/index.ts';
import { DEFAULT_WITHIN_MS } from '../watch/index.ts';

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

/** By what every wait for an outcome is multiplied, on a machine that is slow: `HOLDFAST_SLOW=3`. */
const SLOW = 'HOLDFAST_SLOW';
const MAX_SLOW = 100;

/**
 * What the environment says of this machine: 1 where it says nothing.
 *
 * @throws HarnessError `invalid-environment` for what is no number from 1 to 100
 */
export function slowness(): number {
  const told = environment(SLOW);
  if (told === undefined) return 1;
  const factor = Number(told);
  if (factor >= 1 && factor <= MAX_SLOW) return factor;
  throw new HarnessError(
    'invalid-environment',
    `${SLOW}: expected a number from 1 to ${MAX_SLOW}, received ${show(told)}`,
    `set it as in ${SLOW}=3, or unset it`,
  );
}

/** How long to wait, and what there is to say of it. */
export interface Budget {
  readonly within: Millis;
  readonly notes: readonly string[];
}

/**
 * The time for a wait, within what its test has left.
 *
 * @param left how long the test may still run, in milliseconds; infinite where it has no limit
 * @param margin what a wait leaves of it, so that our message comes before the runner's
 * @throws HarnessError `within-too-long` where the test would end first
 */
export function budget(
  wished: Duration | undefined,
  { left, margin, label, limit }: { left: Millis; margin: Millis; label: string; limit: Millis | undefined },
): Budget {
  const asked = wished === undefined ? DEFAULT_WITHIN_MS : parseDuration(wished, 'within');
  const most = Math.max(0, left > 2 * margin ? left - margin : left / 2);
  if (wished !== undefined && asked > left) throw tooLong(label, 'within', asked, left, limit);
  const factor = slowness();
  if (factor === 1) return { within: wished === undefined ? Math.min(asked, most) : asked, notes: NO_NOTES };
  const within = Math.max(wished === undefined ? 0 : asked, Math.min(asked * factor, most));
  const cut = within < asked * factor ? `, cut to what the test has left: multiply its timeout too` : '';
  return {
    within: Math.min(within, left),
    notes: [`within is ${formatDuration(within)}: ${formatDuration(asked)} × ${factor} (${SLOW}=${factor})${cut}`],
  };
}

const NO_NOTES: readonly string[] = [];

/** A wait that its test would not see the end of. */
export function tooLong(label: string, setting: string, asked: Millis, left: Millis, limit: Millis | undefined): HarnessError {
  const enough = Math.ceil((asked + (limit ?? left) - left + 1000) / 1000) * 1000;
  return new HarnessError(
    `${setting}-too-long`,
    `${label}: ${setting} is ${formatDuration(asked)}, but the test has ${formatDuration(Math.max(0, left))} left${limit === undefined ? '' : ` of its timeout of ${formatDuration(limit)}`}`,
    `give the test more time, as in test(name, fn, ${enough}) or test.testTimeout in the Vitest config, or shorten ${setting}`,
  );
}

/** How long to look on past the deadline where nobody says, in milliseconds: never more than was waited before. */
const DEFAULT_LOOK_PAST_MS: Millis = 1000;

/** How long to look on past the deadline; not at all in CI, unless it is asked for. */
export function lookPastFor(asked: Duration | undefined, within: Millis, left: Millis): Millis {
  const wished = asked !== undefined ? parseDuration(asked, 'lookPast') : isCI() ? 0 : Math.min(DEFAULT_LOOK_PAST_MS, within);
  return Math.max(0, Math.min(wished, left));
}

function isCI(): boolean {
  const told = environment('CI');
  return told !== undefined && told !== 'false' && told !== '0';
}

/** In a browser there is no environment. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const told = process?.env?.[name];
  return told === '' ? undefined : told;
}
