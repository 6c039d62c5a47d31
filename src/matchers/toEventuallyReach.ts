import { reach } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Comes to a state, in time. An ending in another state ends the wait at once. */
export const toEventuallyReach: Matcher<[state: string, options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallyReach',
  mean: (state, options) => ({ claim: reach({ state }), options: waitOptions(options) }),
});
