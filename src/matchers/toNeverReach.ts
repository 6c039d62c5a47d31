import { neverReach } from '../logic/index.ts';
import { defineMatcher, stayOptions, type Matcher, type StayOptions } from './matcher.ts';

/** Is not seen in this state at any look until the end of `for`. */
export const toNeverReach: Matcher<[state: string, options: StayOptions]> = defineMatcher({
  name: 'toNeverReach',
  mean: (state, options) => {
    const { for: length, pace } = stayOptions(options);
    return { claim: neverReach({ state, for: length }), options: { pace } };
  },
});
