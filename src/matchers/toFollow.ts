import { follow } from '../logic/index.ts';
import type { Duration } from '../time/index.ts';
import type { Lifecycle } from '../trace/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

export interface FollowOptions extends WaitOptions {
  /** Each channel tells every state, as a stream does: none may be left out, and the first is the initial one. */
  readonly everyState?: boolean | undefined;
  /** How long to watch on after the end; 200 ms by default. */
  readonly settle?: Duration | undefined;
}

/** Moves as this lifecycle allows, to its end, and not after it. Without one it is that of the operation. An illegal move ends the wait at once. */
export const toFollow: Matcher<[lifecycle?: Lifecycle, options?: FollowOptions]> = defineMatcher({
  name: 'toFollow',
  mean: (lifecycle, options) => {
    const { everyState, settle, ...wait } = waitOptions(options, ['everyState', 'settle']);
    return { claim: follow({ lifecycle, everyState, settle }), options: wait };
  },
});
