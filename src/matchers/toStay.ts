import { stay } from '../logic/index.ts';
import { defineMatcher, stayOptions, type Matcher, type StayOptions } from './matcher.ts';

/** Is in this state now, and at every look until the end of `for`. */
export const toStay: Matcher<[state: string, options: StayOptions]> = defineMatcher({
  name: 'toStay',
  mean: (state, options) => {
    const { for: length, pace } = stayOptions(options);
    return { claim: stay({ state, for: length }), options: { pace } };
  },
});
