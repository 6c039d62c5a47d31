import type { SpansInOrderArgs } from '../logic/claims/spansInOrder.ts';
import { spansInOrder } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Spans that are so began in this order, by name or by what else is said of them; others may lie between. */
export const toHaveSpansInOrder: Matcher<[spans: SpansInOrderArgs['spans'], options?: WaitOptions]> = defineMatcher({
  name: 'toHaveSpansInOrder',
  mean: (spans, options) => ({ claim: spansInOrder({ spans }), options: waitOptions(options) }),
});
