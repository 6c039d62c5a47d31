import type { ExpireArgs } from '../logic/claims/expire.ts';
import { expire } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** After its end the monitor is kept for `atLeast`, and gone (410, 404) after `atMost`. It holds when the watching ends. */
export const toExpire: Matcher<[kept: ExpireArgs, options?: WaitOptions]> = defineMatcher({
  name: 'toExpire',
  mean: (kept, options) => ({ claim: expire(kept), options: waitOptions(options) }),
});
