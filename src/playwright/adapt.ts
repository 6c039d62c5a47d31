import { call, type Result } from '../edge/call.ts';
import { alreadyPolled, asymmetricForm } from '../edge/refusals.ts';
import { at, framesOf, siteBelow } from '../edge/site.ts';
import type { Matcher } from '../matchers/matcher.ts';
import { edge } from './edge.ts';
import { currentTest } from './tests.ts';

/** What Playwright tells a matcher by `this`. */
interface ExpectState {
  readonly isNot?: boolean | undefined;
  /** `''`, `resolves` or `rejects`; an asymmetric matcher has none. */
  readonly promise?: string | undefined;
  /** What the step is called: the user's message, or what Playwright calls it. */
  readonly title?: string | undefined;
}

const HIDDEN = /[/\\]node_modules[/\\](@playwright[/\\]test|playwright|playwright-core)[/\\]/;
/** What Playwright calls a step by itself. */
const OWN_TITLE = /^Expect "/;
const SOFT = /^Expect "soft /;

/** A matcher as Playwright wants it: it takes nothing for asynchronous but a promise. */
export function adapt(matcher: Matcher): (this: ExpectState, received: unknown, ...args: unknown[]) => Promise<Result> {
  return function match(this: ExpectState, received: unknown, ...args: unknown[]): Promise<Result> {
    const { name } = matcher;
    const site = siteBelow(match, HIDDEN);
    if (this.promise === undefined) throw at(asymmetricForm(name), site);
    const isNot = this.isNot === true;
    const title = this.title ?? '';
    const owner = currentTest()?.attempt;
    const label = `expect(…)${isNot ? '.not' : ''}.${name}()`;
    const outcome = call(matcher, {
      received,
      args,
      isNot,
      site,
      label,
      owner,
      // Whoever writes expect(…) has a frame of his own on the stack; when expect.poll asks again, there is none.
      refusal: framesOf(site) === '' && this.promise === '' ? alreadyPolled(name) : undefined,
      // Under `.resolves` it asks in the user's stead, and what the user gets is a promise of its own.
      asks: this.promise === '' ? 0 : -1,
      soft: SOFT.test(title),
      prefix: OWN_TITLE.test(title) ? undefined : title,
      edge,
    });
    const promise = Promise.resolve() as unknown as Promise<Result>;
    // Playwright calls it once, and hands what comes back on to the user.
    promise.then = outcome.then.bind(outcome) as typeof promise.then;
    return promise;
  };
}
