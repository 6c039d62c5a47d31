import { stopPollingAfterTheEnd } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** The client that is watched asks no more once it was told the end. It holds when the watching ends. */
export const toStopPollingAfterTheEnd: Matcher<[options?: WaitOptions]> = defineMatcher({
  name: 'toStopPollingAfterTheEnd',
  mean: (options) => ({ claim: stopPollingAfterTheEnd(), options: waitOptions(options) }),
});
