import { succeed } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Ends as a success, in time. A failure or cancellation ends the wait at once. */
export const toEventuallySucceed: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallySucceed',
  mean: (options) => ({ claim: succeed(), options: waitOptions(options) }),
});
