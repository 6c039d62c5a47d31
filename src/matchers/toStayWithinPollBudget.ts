import type { PollBudgetArgs } from '../logic/claims/stayWithinPollBudget.ts';
import { stayWithinPollBudget } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** The client that is watched asks at one address at most so often, in any stretch of `per`. It holds when the watching ends. */
export const toStayWithinPollBudget: Matcher<[budget: PollBudgetArgs, options?: WaitOptions]> = defineMatcher({
  name: 'toStayWithinPollBudget',
  mean: (budget, options) => ({ claim: stayWithinPollBudget(budget), options: waitOptions(options) }),
});
