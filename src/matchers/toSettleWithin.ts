import { settleWithin } from '../logic/index.ts';
import type { Duration } from '../time/index.ts';
import { defineMatcher, limited, type Matcher, type WaitOptions } from './matcher.ts';

/** It ends in time, whichever way, counted from when its start was sent. */
export const toSettleWithin: Matcher<[limit: Duration, options?: WaitOptions]> = defineMatcher({
  name: 'toSettleWithin',
  mean: (limit, options) => limited(settleWithin({ limit }), options),
});
