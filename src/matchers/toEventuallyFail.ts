import { fail } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Ends as a failure, in time. A success or cancellation ends the wait at once. */
export const toEventuallyFail: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallyFail',
  mean: (options) => ({ claim: fail(), options: waitOptions(options) }),
});
