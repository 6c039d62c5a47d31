import { holdUntil } from '../logic/index.ts';
import type { EventOption } from '../logic/events.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Is the one at every look until it is the other (states, or patterns of what is seen), in time. What is neither ends the wait at once. */
export const toHoldUntil: Matcher<[first: EventOption, then: EventOption, options?: WaitOptions]> = defineMatcher({
  name: 'toHoldUntil',
  mean: (first, then, options) => ({ claim: holdUntil({ first, then }), options: waitOptions(options) }),
});
