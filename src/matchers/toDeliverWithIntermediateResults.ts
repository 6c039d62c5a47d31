import { deliverWithIntermediateResults } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

export interface IntermediateOptions extends WaitOptions {
  /** How many different partial results are to be seen before the final one; 1 by default. */
  readonly atLeast?: number | undefined;
}

/** Tells partial results before its result, each going on from the one before. What is taken back ends the wait at once. */
export const toDeliverWithIntermediateResults: Matcher<[options?: IntermediateOptions]> = defineMatcher({
  name: 'toDeliverWithIntermediateResults',
  mean: (options) => {
    const { atLeast, ...wait } = waitOptions(options, ['atLeast']);
    return { claim: deliverWithIntermediateResults({ atLeast }), options: wait };
  },
});
