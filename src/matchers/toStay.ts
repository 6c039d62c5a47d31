import { stay } from '../logic/index.ts';
import { defineMatcher, type Matcher, type StayOptions } from './matcher.ts';

/** Is in this state now, and at every look until the end of `for`. */
export const toStay: Matcher<[state: string, options: StayOptions]> = defineMatcher({
  name: 'toStay',
  mean: (state, options) => ({ claim: stay({ state, for: options.for }), options: { pace: options.pace } }),
});
