import { expect as jestOwn } from '@jest/globals';
import { expect as playwrightOwn } from '@playwright/test';
import type { TestContext } from 'node:test';
import { describe, expectTypeOf, test } from 'vitest';
import { operation, type Operation } from 'holdfast';
import { expect as jest } from 'holdfast/jest';
import { expect as node, type AsyncAsserts } from 'holdfast/node-test';
import { expect as playwright, test as playwrightTest } from 'holdfast/playwright';

const op: Operation = operation(() => fetch('http://api.test/reports'));

describe('the matchers are promises', () => {
  test('under Jest', () => {
    expectTypeOf(jest(op).toEventuallySucceed({ within: '5s' })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(jest(op).not.toStay('running', { for: '1s' })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(jest(Promise.resolve(op)).resolves.toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(jestOwn(op).toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(jest(1).toBe(1)).toEqualTypeOf<void>();
  });

  test('under Playwright', () => {
    expectTypeOf(playwright(op).toEventuallySucceed({ within: '5s' })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(playwright(op, 'a message').not.toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(playwright.soft(op).toStay('running', { for: '1s' })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(playwrightOwn(op).toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(playwrightTest.info().timeout).toBeNumber();
  });

  test('under node:test', () => {
    expectTypeOf(node(op).toEventuallySucceed({ within: '5s' })).toEqualTypeOf<Promise<void>>();
    expectTypeOf<TestContext['assert']['toEventuallySucceed']>().toEqualTypeOf<AsyncAsserts['toEventuallySucceed']>();
    expectTypeOf<Parameters<AsyncAsserts['toEventuallyReach']>[1]>().toBeString();
    expectTypeOf<ReturnType<AsyncAsserts['toStay']>>().toEqualTypeOf<Promise<void>>();
  });
});

test('a wrong unit is a type error everywhere', () => {
  // @ts-expect-error it is 's'
  void jest(op).toEventuallySucceed({ within: '5 sec' });
  // @ts-expect-error it is 's'
  void playwright(op).toEventuallySucceed({ within: '5 sec' });
  // @ts-expect-error it is 's'
  void playwright.soft(op).toEventuallySucceed({ within: '5 sec' });
  // @ts-expect-error it is 's'
  void node(op).toEventuallySucceed({ within: '5 sec' });
  const assert = {} as TestContext['assert'];
  expectTypeOf(assert).not.toBeAny();
  // @ts-expect-error it is 's'
  void assert.toEventuallySucceed(op, { within: '5 sec' });
});
