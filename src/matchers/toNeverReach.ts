import { neverReach } from '../logic/index.ts';
import { defineMatcher, type Matcher, type StayOptions } from './matcher.ts';

/** Is not seen in this state at any look until the end of `for`. */
export const toNeverReach: Matcher<[state: string, options: StayOptions]> = defineMatcher({
  name: 'toNeverReach',
  mean: (state, options) => ({ claim: neverReach({ state, for: options.for }), options: { pace: options.pace } }),
});
