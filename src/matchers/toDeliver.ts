import { deliver } from '../logic/index.ts';
import type { EventOption } from '../logic/events.ts';
import type { Duration } from '../time/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** How often it is to be delivered: one of `times`, `atLeast`, `atMost`; at least once by default. */
export interface DeliverOptions extends WaitOptions {
  /** So often, and not once more while it is watched on for `settle`. */
  readonly times?: number | undefined;
  readonly atLeast?: number | undefined;
  /** Never more often until the end of `within`. */
  readonly atMost?: number | undefined;
  /** What makes two deliveries the same one, as a dotted path into the message; `id` by default. */
  readonly per?: string | undefined;
  /** How long to watch on after the last of `times`; 200 ms by default. */
  readonly settle?: Duration | undefined;
}

/** Is told a message of this type, or one that matches this pattern, so often. One too many ends the wait at once. */
export const toDeliver: Matcher<[event: EventOption, options?: DeliverOptions]> = defineMatcher({
  name: 'toDeliver',
  mean: (event, options) => {
    const { times, atLeast, atMost, per, settle, ...wait } = waitOptions(options, [
      'times',
      'atLeast',
      'atMost',
      'per',
      'settle',
    ]);
    return { claim: deliver({ event, times, atLeast, atMost, per, settle }), options: wait };
  },
});
