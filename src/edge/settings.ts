import { checkOptions } from '../matchers/options.ts';
import type { Duration, PaceOption } from '../time/index.ts';
import type { Owner } from './owner.ts';

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

/** What a config says. */
export interface Provided {
  readonly given: Defaults;
  readonly where: string;
  readonly example: string;
}

/** What the defaults need to know of a runner. */
export interface Suites {
  /** The test that is under way; undefined where tests are only being defined. */
  readonly current: () => Owner | undefined;
  /** Has this done before each test of the file or `describe` that is being defined. */
  readonly eachTest: (run: (owner: Owner) => void) => void;
  /** What holds for a whole run, where that was said, and how it is written there. */
  readonly provided?: ((owner: Owner | undefined) => Provided | undefined) | undefined;
}

/** Defaults as a runner's edge keeps them. */
export interface Settings {
  /**
   * In a file or a `describe`, for the tests in it; in a test, for the rest of that test. An inner one overrules an outer one, name by
   * name.
   *
   * @throws HarnessError `invalid-options`, `invalid-duration`
   */
  readonly set: (given: Defaults) => void;
  /** What holds for a test: what is provided for the run, overruled by the suites it is in and by itself. */
  readonly of: (owner: Owner | undefined) => Defaults;
}

export function settings({ current, eachTest, provided }: Suites): Settings {
  const byTest: WeakMap<Owner, Defaults> = new WeakMap();
  const add = (owner: Owner, given: Defaults): void => void byTest.set(owner, { ...byTest.get(owner), ...given });
  return {
    set(given) {
      const checked = checkOptions(given, 'defaults', KNOWN, "defaults({ within: '10s' })");
      const owner = current();
      if (owner === undefined) eachTest((one) => add(one, checked));
      else add(owner, checked);
    },
    of(owner) {
      const own = owner === undefined ? undefined : byTest.get(owner);
      const whole = provided?.(owner);
      if (whole === undefined) return own ?? NONE;
      return { ...checkOptions(whole.given, whole.where, KNOWN, whole.example), ...own };
    },
  };
}

const NONE: Defaults = {};
