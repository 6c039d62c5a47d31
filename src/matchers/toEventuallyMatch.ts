import { match } from '../logic/index.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Tells a value with these members, as `toMatchObject` means it, or a text in which this is found, in time; of an operation, its result. */
export const toEventuallyMatch: Matcher<[like: object, options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallyMatch',
  mean: (like, options) => ({ claim: match({ like }), options: waitOptions(options) }),
});
