import { progressMonotonically } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

export interface ProgressOptions extends WaitOptions {
  /** 100 per cent is told at the end and not before. */
  readonly fullAtTheEnd?: boolean | undefined;
}

/** Tells progress that never falls, up to its end. A fall ends the wait at once. */
export const toProgressMonotonically: Matcher<[options?: ProgressOptions]> = defineMatcher({
  name: 'toProgressMonotonically',
  mean: (options) => {
    const { fullAtTheEnd, ...wait } = waitOptions(options, ['fullAtTheEnd']);
    return { claim: progressMonotonically({ fullAtTheEnd }), options: wait };
  },
});
