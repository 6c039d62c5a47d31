import { sameStory } from '../logic/index.ts';
import { parseDuration, type Duration } from '../time/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

export interface StoryOptions extends WaitOptions {
  /** How long all channels must be quiet after the last has told its end; 100 ms by default. */
  readonly quiet?: Duration | undefined;
}

/** All channels that tell of it tell the same states in the same order, and the same end with the same result. */
export const toTellTheSameStory: Matcher<[options?: StoryOptions]> = defineMatcher({
  name: 'toTellTheSameStory',
  mean: (options) => {
    const { quiet, ...wait } = waitOptions(options, ['quiet']);
    return { claim: sameStory(quiet === undefined ? undefined : { quiet: parseDuration(quiet, 'quiet') }), options: wait };
  },
});
