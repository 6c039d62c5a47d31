import { expect as jestOwn } from '@jest/globals';
import { expect as playwrightOwn } from '@playwright/test';
import type { TestContext } from 'node:test';
import { describe, expectTypeOf, test } from 'vitest';
import { operation, type Operation } from 'holdfast';
import * as jestForms from 'holdfast/jest';
import { expect as jest } from 'holdfast/jest';
import * as nodeForms from 'holdfast/node-test';
import { expect as node, type AsyncAsserts } from 'holdfast/node-test';
import * as playwrightForms from 'holdfast/playwright';
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

describe('the forms are promises of what the function gives back, and have the matchers of the runner', () => {
  const count = (): Promise<number> => Promise.resolve(1);

  test('under Jest', () => {
    const { eventually, consistently, defaults } = jestForms;
    expectTypeOf<Awaited<jestForms.Eventual<Promise<number>>>>().toEqualTypeOf<number>();
    expectTypeOf(eventually(count).toBe(1)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(eventually(count, { within: '2s', lookPast: 0 }).not.toEqual(1)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(eventually(count).resolves.not.toBe(1)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(consistently(count, { for: '1s' }).toBeLessThan(2)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(eventually).not.toHaveProperty('soft');
    expectTypeOf(defaults).parameter(0).toEqualTypeOf<jestForms.Defaults>();
  });

  test('under Playwright', () => {
    const { eventually, consistently } = playwrightForms;
    expectTypeOf<Awaited<playwrightForms.Eventual<Promise<number>>>>().toEqualTypeOf<number>();
    expectTypeOf(eventually(count).toBe(1)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(eventually.soft(count, { within: '2s' }).not.toEqual(1)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(eventually(count).rejects.toThrow('no')).toEqualTypeOf<Promise<void>>();
    expectTypeOf(consistently(count, { for: '1s' }).toBeLessThan(2)).toEqualTypeOf<Promise<void>>();
    expectTypeOf<Parameters<(typeof playwrightTest)['use']>[0]>().toHaveProperty('holdfastDefaults');
  });

  test('under node:test', () => {
    const { eventually, consistently } = nodeForms;
    expectTypeOf<Awaited<nodeForms.Eventual<Promise<number>>>>().toEqualTypeOf<number>();
    expectTypeOf(eventually(count).toBe(1)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(consistently(count, { for: '1s' }).not.toBe(2)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(eventually).not.toHaveProperty('soft');
  });

  test('a wrong option is a type error', () => {
    // @ts-expect-error it is 'within'
    void jestForms.eventually(count, { timeout: 5 });
    // @ts-expect-error it is 's'
    void playwrightForms.eventually(count, { within: '5 sec' });
    // @ts-expect-error it is 'for'
    void nodeForms.consistently(count, { within: '5s' });
    // @ts-expect-error there is no such matcher
    void nodeForms.eventually(count).toBeNearly(1);
    expectTypeOf(nodeForms.eventually(count)).not.toBeAny();
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
