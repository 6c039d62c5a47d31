import type { ThrottleArgs } from '../logic/claims/throttle.ts';
import { throttle } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Who asks too often is refused with 429 and Retry-After, and nobody else is. It holds when the watching ends. */
export const toThrottle: Matcher<[who?: ThrottleArgs, options?: WaitOptions]> = defineMatcher({
  name: 'toThrottle',
  mean: (who, options) => ({ claim: throttle(who), options: waitOptions(options) }),
});
