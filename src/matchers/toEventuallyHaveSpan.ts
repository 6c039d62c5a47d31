import type { HaveSpanArgs } from '../logic/claims/haveSpan.ts';
import { haveSpan } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** A span is exported that is so. With `count` there are exactly so many of them when the watching ends. */
export const toEventuallyHaveSpan: Matcher<[span: HaveSpanArgs, options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallyHaveSpan',
  mean: (span, options) => ({ claim: haveSpan(span), options: waitOptions(options) }),
});
