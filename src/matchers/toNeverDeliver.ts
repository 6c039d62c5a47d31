import { neverDeliver } from '../logic/index.ts';
import type { EventOption } from '../logic/events.ts';
import { defineMatcher, stayOptions, type Matcher, type StayOptions } from './matcher.ts';

/** Is not told it until the end of `for`. */
export const toNeverDeliver: Matcher<[event: EventOption, options: StayOptions]> = defineMatcher({
  name: 'toNeverDeliver',
  mean: (event, options) => {
    const { for: length, pace } = stayOptions(options);
    return { claim: neverDeliver({ event, for: length }), options: { pace } };
  },
});
