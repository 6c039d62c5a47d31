import { deliverExactlyOnce } from '../logic/index.ts';
import type { EventOption } from '../logic/events.ts';
import type { Duration } from '../time/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** What counts as the same delivery, and how long to watch on for a second one. */
export interface OnceOptions extends WaitOptions {
  /** What makes two deliveries one and the same, as a dotted path such as `data.order`. Without it there is to be one in all. */
  readonly per?: string | undefined;
  /** What must come at that path, each once. */
  readonly keys?: readonly string[] | undefined;
  /** How long to watch on after the last one that was missing; 200 ms by default. */
  readonly settle?: Duration | undefined;
}

/** Is told it once, and not again for a settling time. A second time ends the wait at once. */
export const toDeliverExactlyOnce: Matcher<[event: EventOption, options?: OnceOptions]> = defineMatcher({
  name: 'toDeliverExactlyOnce',
  mean: (event, options) => {
    const { per, keys, settle, ...wait } = waitOptions(options, ['per', 'keys', 'settle']);
    return { claim: deliverExactlyOnce({ event, per, keys, settle }), options: wait };
  },
});
