import { satisfy } from '../logic/index.ts';
import type { Predicate, StandardSchema } from '../logic/claims/satisfy.ts';
import { defineMatcher, waitOptions, type Matcher, type WaitOptions } from './matcher.ts';

/** Tells a value that passes this test (a function, or a schema of any library that speaks Standard Schema), in time; of an operation, its result. */
export const toEventuallySatisfy: Matcher<[test: Predicate | StandardSchema, options?: WaitOptions]> = defineMatcher({
  name: 'toEventuallySatisfy',
  mean: (test, options) => ({ claim: satisfy({ test }), options: waitOptions(options) }),
});
