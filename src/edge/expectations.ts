import type { Edge, Mode } from './edge.ts';

/** What is needed of a runner's `expect`: Jest's, that of the package `expect`, or Playwright's. */
type Expect = (received: unknown) => object;

/** The matchers of a runner's `expect`, as the forms ask for them: each is a method, beside `not`, `resolves` and `rejects`. */
export function expectations(expect: Expect): Pick<Edge, 'kindOf' | 'assertion' | 'isAssertion'> {
  return {
    kindOf(name) {
      const all = expect(undefined);
      if (!Object.hasOwn(all, name)) return undefined;
      return typeof Reflect.get(all, name) === 'function' ? 'method' : 'property';
    },
    assertion: (_owner, value, mode) => (mode === '' ? expect(value) : expectationOf(expect, value, mode)),
    isAssertion: (error) => 'matcherResult' in error,
  };
}

/** It takes promises alone, of which we know already what came. */
function expectationOf(expect: Expect, value: unknown, mode: Exclude<Mode, ''>): object {
  // Anything may have been thrown, and it is told as it was.
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors
  const promise = mode === 'resolves' ? Promise.resolve(value) : Promise.reject(value);
  // A chain that is still being written asserts nothing, and so nobody awaits it.
  promise.catch(() => undefined);
  return Reflect.get(expect(promise), mode) as object;
}

/** Where the assertions of a runner are counted that does not count them. */
export function uncounted(): { assertionCalls: number } {
  return { assertionCalls: 0 };
}
