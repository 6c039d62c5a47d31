import type * as matchers from './index.ts';
import type { Matcher } from './matcher.ts';

type ArgsOf<M> = M extends Matcher<infer A extends readonly unknown[]> ? A : never;

/** What the matchers look like on a runner's `expect(operation)`, each as its own file says. Every one of them must be awaited. */
export type AsyncMatchers = {
  [Name in keyof typeof matchers]: (...args: ArgsOf<(typeof matchers)[Name]>) => Promise<void>;
};
