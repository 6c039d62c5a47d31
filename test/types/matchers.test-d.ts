import { describe, expectTypeOf, test } from 'vitest';
import { operation, type Operation } from 'holdfast';
import { backoff, fixed } from 'holdfast/time';
import { expect, type AsyncMatchers, type StayOptions, type WaitOptions } from 'holdfast/vitest';

/** As it is read from a configuration. */
const someText: string = ['5', 's'].join('');
const op: Operation = operation(() => fetch('http://api.test/reports'));

describe('what a matcher takes', () => {
  test('durations are numbers, or numbers with their unit', () => {
    void expect(op).toEventuallySucceed();
    void expect(op).toEventuallySucceed({});
    void expect(op).toEventuallySucceed({ within: 500 });
    void expect(op).toEventuallySucceed({ within: '500ms', pace: '1.5s' });
    void expect(op).toEventuallyFail({ within: '2m', pace: fixed('1s') });
    void expect(op).toEventuallySettle({ within: '1h', pace: backoff({ to: '5s' }) });
    void expect(op).toEventuallyReach('running', { within: '30s' });
    void expect(op).toPassThrough(['queued', 'running'] as const, { within: '30s' });
    void expect(op).toStay('running', { for: '500ms', pace: 50 });
    void expect(op).toNeverReach('failed', { for: 500 });
    void expect(op).toAcceptWithin('200ms');
    void expect(op).toSettleWithin(5000, { pace: '50ms' });
    void expect(op).toHonourCancel({ within: '5s' });
    void expect(op).toStayWithinPollBudget({ requests: 5, per: '1m' });
    void expect(op).toThrottle();
    void expect(op).toExpire({ atLeast: '1h' }, { within: '2h' });
    void expect(op).toEventuallyHaveSpan({ name: 'charge', kind: 'client', attributes: { amount: 5 } });
    void expect(op).toHaveSpansInOrder(['a', { name: 'b', service: 'shop' }]);
    // Options that are put together may leave one out.
    void expect(op).toEventuallySucceed({ within: undefined, pace: undefined });
  });

  test('a wrong unit is a type error', () => {
    // @ts-expect-error it is 's'
    void expect(op).toEventuallySucceed({ within: '5 sec' });
    // @ts-expect-error no days
    void expect(op).toEventuallySucceed({ within: '5d' });
    // @ts-expect-error no unit
    void expect(op).toEventuallySucceed({ within: '5' });
    // @ts-expect-error nothing but a unit
    void expect(op).toEventuallySucceed({ within: 's' });
    // @ts-expect-error units are lower case
    void expect(op).toEventuallySucceed({ within: '5S' });
    // @ts-expect-error it is 's'
    void expect(op).toEventuallyFail({ pace: '5sec' });
    // @ts-expect-error it is 's'
    void expect(op).toStay('running', { for: '5seconds' });
    // @ts-expect-error some text
    void expect(op).toNeverReach('failed', { for: someText });
    // @ts-expect-error a limit is not an option
    void expect(op).toAcceptWithin({ within: '200ms' });
    // @ts-expect-error there is no such kind of span
    void expect(op).toEventuallyHaveSpan({ kind: 'servers' });
    // @ts-expect-error a budget says how many
    void expect(op).toStayWithinPollBudget({ per: '1m' });
    // @ts-expect-error not a duration
    void expect(op).toEventuallySucceed({ within: true });
    // @ts-expect-error a pace says when to look next
    void expect(op).toEventuallySucceed({ pace: { name: 'mine' } });
  });

  test('the options are these, and no others', () => {
    // @ts-expect-error what other libraries call it
    void expect(op).toEventuallySucceed({ timeout: 500 });
    // @ts-expect-error what other libraries call it
    void expect(op).toEventuallyReach('running', { interval: 50 });
    // @ts-expect-error stability has its own length
    void expect(op).toStay('running', { for: '1s', within: '5s' });
    // @ts-expect-error an outcome is not about a length
    void expect(op).toEventuallySucceed({ for: '1s' });
    // @ts-expect-error options are an object
    void expect(op).toEventuallySucceed('5s');
  });

  test('what must be said must be said', () => {
    // @ts-expect-error for how long?
    void expect(op).toStay('running');
    // @ts-expect-error for how long?
    void expect(op).toStay('running', {});
    // @ts-expect-error for how long?
    void expect(op).toNeverReach('failed');
    // @ts-expect-error for how long?
    void expect(op).toNeverReach('failed', { pace: 50 });
    // @ts-expect-error for how long?
    void expect(op).toStay('running', { for: undefined });
    // @ts-expect-error which state?
    void expect(op).toEventuallyReach();
    // @ts-expect-error which states?
    void expect(op).toPassThrough();
    // @ts-expect-error a list
    void expect(op).toPassThrough('queued', 'running');
    // @ts-expect-error states are text
    void expect(op).toEventuallyReach(3);
    // @ts-expect-error states are text
    void expect(op).toPassThrough([1, 2]);
  });
});

describe('what the matchers about values, order and multiplicity take', () => {
  test('what they compare with, test by, and wait for', () => {
    void expect(() => 3).toEventuallyEqual(3, { within: '2s' });
    void expect(op).toEventuallyEqual({ id: expect.any(String), rows: undefined });
    void expect(op).toEventuallyMatch({ rows: 3 });
    void expect(() => 'ready').toEventuallyMatch(/ready/);
    void expect(op).toEventuallySatisfy((result: { rows: number }) => result.rows > 2);
    void expect(op).toEventuallySatisfy(async (result) => Boolean(result));
    void expect(op).toEventuallySatisfy({ '~standard': { vendor: 'mine', validate: () => ({ issues: [{ message: 'no' }] }) } });
    void expect(op).toFollow(
      { initial: 'a', moves: { a: ['b'] }, endings: { b: 'success' } },
      { everyState: true, settle: '1s' },
    );
    void expect(op).toFollow();
    void expect(op).toProgressMonotonically({ fullAtTheEnd: true });
    void expect(op).toLeadTo('running', { kind: 'state', ending: 'success' }, { within: '2s', for: '1m' });
    void expect(op).toHoldUntil('queued', 'running', { within: '2s' });
    void expect(op).toDeliver('paid', { times: 2, settle: '1s', per: 'data.order' });
    void expect(op).toDeliver({ type: 'paid', 'data.order': 'A1' }, { atLeast: 1, within: '1m' });
    void expect(op).toDeliverExactlyOnce('paid', { per: 'data.order', keys: ['A1'] as const });
    void expect(op).toDeliverInOrder(['placed', { type: 'paid' }]);
    void expect(op).toDeliverInOrder('changed', { by: 'data.version', per: 'data.order' });
    void expect(op).toDeliverWithIntermediateResults({ atLeast: 2 });
    void expect(op).toNeverDeliver('paid', { for: '1s' });
  });

  test('and nothing else', () => {
    // @ts-expect-error with what?
    void expect(op).toEventuallyEqual();
    // @ts-expect-error members or a regular expression
    void expect(op).toEventuallyMatch('ready');
    // @ts-expect-error a function or a schema
    void expect(op).toEventuallySatisfy(3);
    // @ts-expect-error a lifecycle has endings
    void expect(op).toFollow({ initial: 'a', moves: {} });
    // @ts-expect-error to what?
    void expect(op).toLeadTo('running');
    // @ts-expect-error until when?
    void expect(op).toHoldUntil('queued');
    // @ts-expect-error a number
    void expect(op).toDeliver('paid', { times: '2' });
    // @ts-expect-error a pattern is plain data
    void expect(op).toDeliver(3);
    // @ts-expect-error for how long?
    void expect(op).toNeverDeliver('paid');
    // @ts-expect-error how many
    void expect(op).toDeliverWithIntermediateResults({ within: '1s', atLeast: true });
  });
});

describe('what a matcher returns', () => {
  test('a promise, so that a lint for floating promises sees one that is not awaited', () => {
    expectTypeOf(expect(op).toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(op).toEventuallyFail()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(op).toEventuallySettle()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(op).toEventuallyReach('running')).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(op).toPassThrough(['running'])).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(op).toStay('running', { for: 5 })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(op).toNeverReach('failed', { for: 5 })).toEqualTypeOf<Promise<void>>();
  });

  test('in every form', () => {
    expectTypeOf(expect(op).not.toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect.soft(op).toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect.soft(op, 'a message').not.toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(Promise.resolve(op)).resolves.toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(Promise.resolve(op)).resolves.not.toStay('running', { for: 5 })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(expect(() => true, 'a message').toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
  });

  test('the context of a test has them too', ({ expect: own }) => {
    expectTypeOf(own(op).toEventuallySucceed()).toEqualTypeOf<Promise<void>>();
    // @ts-expect-error it is 's'
    void own(op).toEventuallySucceed({ within: '5 sec' });
  });
});

test('the types of the options have names', () => {
  expectTypeOf<NonNullable<Parameters<AsyncMatchers['toEventuallySucceed']>[0]>>().toEqualTypeOf<WaitOptions>();
  expectTypeOf<Parameters<AsyncMatchers['toStay']>>().toEqualTypeOf<[state: string, options: StayOptions]>();
  const options: WaitOptions = { within: '5s' };
  // @ts-expect-error options are not changed once they are made
  options.within = '6s';
});
