import { settle } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Ends in time, whichever way. */
export const toEventuallySettle: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallySettle',
  mean: (options) => ({ claim: settle(), options: waitOptions(options) }),
});
