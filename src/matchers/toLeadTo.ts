import { leadTo } from '../logic/index.ts';
import type { EventOption } from '../logic/events.ts';
import { parseDuration, type Duration, type PaceOption } from '../time/index.ts';
import { DEFAULT_WITHIN_MS } from '../watch/index.ts';
import { defineMatcher, leadOptions, type Matcher } from './matcher.ts';

/** What `toLeadTo` takes: its `within` is about each cause, and not about the whole wait. */
export interface LeadOptions {
  /** How long after each cause its effect may come; without, it must come before the end of the wait. */
  readonly within?: Duration | undefined;
  /** How long to watch at most: twice `within` by default, and 4 s at least. An operation that ends is not watched any longer. */
  readonly for?: Duration | undefined;
  readonly pace?: PaceOption | undefined;
}

/** Whenever the cause is seen (a state, or a pattern of what is seen) the effect comes in time. A cause that is left without ends the wait at once. */
export const toLeadTo: Matcher<[cause: EventOption, effect: EventOption, options?: LeadOptions]> = defineMatcher({
  name: 'toLeadTo',
  mean: (cause, effect, options) => {
    const { within, for: length, pace } = leadOptions(options);
    const claim = leadTo({ cause, effect, within });
    if (length !== undefined) return { claim, options: { within: length, pace } };
    const twice = within === undefined ? 0 : 2 * parseDuration(within, 'within');
    return { claim, options: { within: twice > DEFAULT_WITHIN_MS ? twice : undefined, pace } };
  },
});
