import { honourCancel } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** What was asked to cancel ends as cancelled, in time, and nothing succeeds after that; or it refused with 409 and ends otherwise. */
export const toHonourCancel: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toHonourCancel',
  mean: (options) => ({ claim: honourCancel(), options: waitOptions(options) }),
});
