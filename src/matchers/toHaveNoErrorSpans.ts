import { noErrorSpans } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** No span that is exported tells of an error. It holds when the watching ends, if spans were seen. */
export const toHaveNoErrorSpans: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toHaveNoErrorSpans',
  mean: (options) => ({ claim: noErrorSpans(), options: waitOptions(options) }),
});
