import { expect as jestExpect } from 'expect';
import { describe, expect, test, vi } from 'vitest';
import { asksOf } from '../../../src/edge/expect-package.ts';
import { framesOf, siteBelow } from '../../../src/edge/site.ts';
import { timersAreFaked } from '../../../src/time/clock.ts';

interface Asking {
  then(onFulfilled: unknown, onRejected?: unknown): Asking;
  catch(onRejected: unknown): Asking;
}

/** An `expect` that does with a matcher's outcome what this says. */
function expectWith(hand: (outcome: Asking) => unknown): unknown {
  const matchers: Record<string, () => Asking> = {};
  const own = (): object => Object.fromEntries(Object.entries(matchers).map(([name, matcher]) => [name, () => hand(matcher())]));
  return Object.assign(own, { extend: (more: Record<string, () => Asking>) => Object.assign(matchers, more) });
}

describe('how often expect asks by itself', () => {
  test.each<[string, number, (outcome: Asking) => unknown]>([
    ['then with both', 0, (outcome) => outcome.then(1, 2)],
    ['then, and catch', 1, (outcome) => outcome.then(1).catch(2)],
    ['then, then, and catch', 2, (outcome) => outcome.then(1).then(2).catch(3)],
  ])('%s', (_, asks, hand) => {
    expect(asksOf(expectWith(hand))).toBe(asks);
  });

  test('the package that is installed', () => {
    expect(asksOf(jestExpect)).toBeOneOf([0, 1]);
  });
});

describe('the stack at a call', () => {
  const called = (): string => framesOf(siteBelow(called, /vitest/));

  test('begins with whoever called, and leaves out what is hidden and what is Node', () => {
    const site = called();
    expect(site).toMatch(/^\n {4}at .*expect-package\.test\.ts:/);
    expect(site).not.toMatch(/node_modules.vitest|node:/);
  });

  test('of a stack that is none', () => {
    expect(framesOf({})).toBe('');
    expect(framesOf({ stack: 'Error: a message without frames' })).toBe('');
  });
});

test('fake timers are seen', () => {
  expect(timersAreFaked()).toBe(false);
  vi.useFakeTimers();
  try {
    expect(timersAreFaked()).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});
