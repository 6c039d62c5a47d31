import { respondWithin } from '../logic/index.ts';
import type { Duration } from '../time/index.ts';
import { defineMatcher, limited, type Matcher, type WaitOptions } from './matcher.ts';

/** Every request that is seen is answered in time. It holds when the watching ends. */
export const toRespondWithin: Matcher<[limit: Duration, options?: WaitOptions]> = defineMatcher({
  name: 'toRespondWithin',
  mean: (limit, options) => limited(respondWithin({ limit }), options, true),
});
