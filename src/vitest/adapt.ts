import { chai, type MatcherState, type RunnerTestCase } from 'vitest';
import { call, type Result } from '../edge/call.ts';
import { alreadyPolled, asymmetricForm, globalExpect } from '../edge/refusals.ts';
import { at, siteBelow, type Site } from '../edge/site.ts';
import type { Matcher } from '../matchers/matcher.ts';
import { concurrentTest, enterLate, isOver, runningTests } from './attempt.ts';
import { edge } from './edge.ts';
import { ownerOf } from './owner.ts';

export { leave } from '../edge/owner.ts';

/**
 * A matcher as Vitest wants it.
 *
 * What is taken from the runner is the matcher state and the test's context; `attempt.ts` says when it reads them.
 */
export function adapt(matcher: Matcher): (this: MatcherState, received: unknown, ...args: unknown[]) => Promise<Result> {
  return function match(this: MatcherState, received: unknown, ...args: unknown[]): Promise<Result> {
    const { name } = matcher;
    if (this.assertion === undefined) throw at(asymmetricForm(name), siteBelow(match));
    const site = callSite(this, match);
    const refusal = this.poll === true ? alreadyPolled(name) : undefined;
    const task = refusal === undefined ? ownTest(this, name, site) : undefined;
    // Under `.resolves` the runner has told the test already that nobody awaited it.
    if (task !== undefined && isOver(task) && this.promise !== '') return new Promise(() => undefined);
    const owner = task === undefined ? undefined : ownerOf(task);
    const label = `expect(…)${this.isNot ? '.not' : ''}.${name}()`;
    const soft = this.soft === true && this.promise === '';
    return call(matcher, {
      received,
      args,
      isNot: this.isNot === true,
      label,
      site,
      owner,
      soft,
      asks: soft ? 1 : 0,
      refusal,
      prefix: prefixOf(this),
      edge,
    }) as Promise<Result>;
  };
}

function prefixOf({ assertion }: MatcherState): string | undefined {
  const prefix: unknown = chai.util.flag(assertion, 'message');
  return typeof prefix === 'string' ? prefix : undefined;
}

/**
 * The test that made the call. With the global `expect` the runner only guesses it, and guesses wrong while several tests
 * run concurrently: then the assertion would be blamed on another test, so it is refused with the remedy.
 */
function ownTest(state: MatcherState, name: string, site: Site): RunnerTestCase | undefined {
  const { task } = state;
  const actual = concurrentTest();
  if (actual !== undefined && task === actual) return task;
  if (task !== undefined) enterLate(task);
  const running = runningTests();
  if (running.size < 2) {
    const only = task ?? actual ?? [...running][0];
    if (only?.concurrent !== true || only === actual) return only;
  }
  if (actual === undefined || isOver(actual)) {
    // Called back from outside of any test, by a server for instance: the context's own count tells whose expect it was.
    if (task !== undefined && running.has(task) && calledThroughContext(task)) return task;
  }
  const remedy = `use the expect of the test's context: test.concurrent('…', async ({ expect }) => { await expect(op).${name}() })`;
  throw at(globalExpect(name, running.size, remedy), site);
}

const seenCalls: WeakMap<RunnerTestCase, number> = new WeakMap();

/** Each expect counts its own calls: if the context's own counted none since last time, another one was called. */
function calledThroughContext(task: RunnerTestCase): boolean {
  const { assertionCalls } = task.context.expect.getState();
  const before = seenCalls.get(task) ?? 0;
  seenCalls.set(task, assertionCalls);
  // An attempt that is made again counts anew.
  return assertionCalls > before || (assertionCalls > 0 && assertionCalls < before);
}

/** The stack at the call. Under `.resolves` it was taken when `.resolves` was written. */
function callSite(state: MatcherState, below: (...args: never[]) => unknown): Site {
  const flagged: unknown = state.promise === '' ? undefined : chai.util.flag(state.assertion, 'error');
  return flagged instanceof Error ? flagged : siteBelow(below);
}
