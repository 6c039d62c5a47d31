import { HarnessError, show } from '../errors.ts';
import { deliverInOrder } from '../logic/index.ts';
import type { EventOption } from '../logic/events.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** What gives the deliveries their order, where they are not named one by one. */
export interface OrderOptions extends WaitOptions {
  /** The field that must never fall, as a dotted path such as `data.sequence`. */
  readonly by?: string | undefined;
  /** What has an order of its own, as a dotted path such as `data.order`. */
  readonly per?: string | undefined;
}

/** Is told these one after the other; or of one kind of message, each with a higher number than the one before. */
export const toDeliverInOrder: Matcher<[events: EventOption | readonly EventOption[], options?: OrderOptions]> = defineMatcher({
  name: 'toDeliverInOrder',
  mean: (events, options) => {
    const { by, per, ...wait } = waitOptions(options, ['by', 'per']);
    const list = Array.isArray(events) ? (events as readonly EventOption[]) : [events as EventOption];
    if (by !== undefined && list.length !== 1) {
      throw new HarnessError(
        'conflicting-options',
        `expected one kind of message with by, received ${show(list)}`,
        'name them one after the other, or say by what one kind of them is numbered',
      );
    }
    return { claim: deliverInOrder({ events: list, by, per }), options: wait };
  },
});
