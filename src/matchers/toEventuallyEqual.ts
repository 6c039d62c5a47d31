import { equal } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Tells a value that equals this one, as `toEqual` means it, in time; of an operation, its result. A result that does not ends the wait at once. */
export const toEventuallyEqual: Matcher<[expected: unknown, options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallyEqual',
  mean: (expected, options) => ({ claim: equal({ expected }), options: waitOptions(options) }),
});
