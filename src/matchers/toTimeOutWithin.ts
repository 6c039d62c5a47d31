import { timeOutWithin } from '../logic/index.ts';
import type { Duration } from '../time/index.ts';
import { defineMatcher, limited, type Matcher, type WaitOptions } from './matcher.ts';

/** A call to something that hangs gives up in time: with an error that says so, or answered with 408, 503 or 504. */
export const toTimeOutWithin: Matcher<[limit: Duration, options?: WaitOptions]> = defineMatcher({
  name: 'toTimeOutWithin',
  mean: (limit, options) => limited(timeOutWithin({ limit }), options),
});
