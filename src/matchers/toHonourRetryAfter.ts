import { honourRetryAfter } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** The client that is watched asks nothing again before the server’s Retry-After. It holds when the watching ends. */
export const toHonourRetryAfter: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toHonourRetryAfter',
  mean: (options) => ({ claim: honourRetryAfter(), options: waitOptions(options) }),
});
