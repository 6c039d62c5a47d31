import { passThrough } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Is seen in these states in this order; others may lie between. A state that is shorter than the gap between two looks can be missed. */
export const toPassThrough: Matcher<[states: readonly string[], options?: WaitOptions]> = defineMatcher({
  name: 'toPassThrough',
  mean: (states, options) => ({ claim: passThrough({ states }), options: waitOptions(options) }),
});
