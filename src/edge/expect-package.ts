import { isError } from '../errors.ts';
import type { Matcher } from '../matchers/matcher.ts';
import { call, type Call, type MatcherEdge, type Result } from './call.ts';
import { asymmetricForm } from './refusals.ts';
import { at, siteBelow, type Site } from './site.ts';
import type { Owner } from './owner.ts';

/** What the `expect` package, which is Jest's as well, tells a matcher by `this`. */
export interface ExpectState {
  readonly isNot?: boolean | undefined;
  /** `''`, `resolves` or `rejects`; an asymmetric matcher has none. */
  readonly promise?: string | undefined;
  /** Made where `.resolves` was written. */
  readonly error?: unknown;
}

/** A matcher as the `expect` package wants it. */
export type ExpectMatcher = (this: ExpectState, received: unknown, ...args: unknown[]) => Promise<Result>;

/** What the edge of a runner that uses the `expect` package knows besides. */
export interface ExpectEdge extends MatcherEdge, Pick<Call, 'asks'> {
  /**
   * The test whose code this is; undefined in a hook of a whole suite.
   *
   * @throws HarnessError `global-expect` where it could be another's
   */
  ownTest(name: string): Owner | undefined;
}

/** What is needed of the package's `expect`. */
interface Extensible {
  (received: unknown): object;
  extend(matchers: Record<string, () => unknown>): void;
}

/** What no user calls a matcher. */
const PROBE = 'holdfast:asks';

/**
 * How often the package asks for the outcome of a matcher by itself, before it hands it on to the user: `.then(…).catch(…)` is once
 * more than `.then(…, …)`, and it was written both ways.
 */
export function asksOf(expect: unknown): number {
  let calls = 0;
  const counting = { then: called, catch: called, finally: called };
  function called(): unknown {
    calls++;
    return counting;
  }
  const extensible = expect as Extensible;
  extensible.extend({ [PROBE]: () => counting });
  (extensible(undefined) as Record<string, () => unknown>)[PROBE]!();
  return calls - 1;
}

const HIDDEN = /[/\\]node_modules[/\\](expect|@jest|jest-[a-z-]+)[/\\]/;

/** A matcher as the `expect` package wants it: it must only be told by whom the test is known. */
export function adaptForExpect(matcher: Matcher, edge: ExpectEdge): ExpectMatcher {
  return function match(this: ExpectState, received: unknown, ...args: unknown[]): Promise<Result> {
    const { name } = matcher;
    const { error } = this;
    const site = isError(error) ? error : siteBelow(match, HIDDEN);
    if (this.promise === undefined) throw at(asymmetricForm(name), site);
    const isNot = this.isNot === true;
    const label = `expect(…)${isNot ? '.not' : ''}.${name}()`;
    const owner = ownTest(edge, name, site);
    return call(matcher, { received, args, isNot, label, site, owner, asks: edge.asks, edge }) as Promise<Result>;
  };
}

function ownTest(edge: ExpectEdge, name: string, site: Site): Owner | undefined {
  try {
    return edge.ownTest(name);
  } catch (error) {
    throw at(error, site);
  }
}
