import { acceptWithin } from '../logic/index.ts';
import type { Duration } from '../time/index.ts';
import { defineMatcher, limited, type Matcher, type WaitOptions } from './matcher.ts';

/** The start is answered as accepted in time, counted from when it was sent. */
export const toAcceptWithin: Matcher<[limit: Duration, options?: WaitOptions]> = defineMatcher({
  name: 'toAcceptWithin',
  mean: (limit, options) => limited(acceptWithin({ limit }), options),
});
