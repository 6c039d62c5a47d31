import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HarnessError } from 'holdfast';
import * as matchers from 'holdfast/matchers';
import { catalogue } from '../../../src/logic/rejudge.ts';
import type { Meant } from '../../../src/matchers/matcher.ts';

const mean = (name: string, ...args: unknown[]): Meant =>
  (matchers as unknown as Record<string, { mean(...given: unknown[]): Meant }>)[name]!.mean(...args);

/** Every matcher with arguments that it takes, the claim it means, and what that claim is told. */
const MEANT: readonly (readonly [name: string, args: readonly unknown[], claim: string, told: unknown])[] = [
  ['toAcceptWithin', ['200ms'], 'acceptWithin', { limit: 200 }],
  ['toDeliver', ['paid'], 'deliver', { event: { kind: 'message', type: 'paid' }, atLeast: 1 }],
  ['toDeliverExactlyOnce', [{ type: 'paid' }], 'deliverExactlyOnce', { event: { kind: 'message', type: 'paid' }, settle: 200 }],
  [
    'toDeliverInOrder',
    [['placed', 'paid']],
    'deliverInOrder',
    {
      events: [
        { kind: 'message', type: 'placed' },
        { kind: 'message', type: 'paid' },
      ],
    },
  ],
  ['toDeliverWithIntermediateResults', [], 'deliverWithIntermediateResults', { atLeast: 1 }],
  ['toEventuallyEqual', [{ rows: 3 }], 'equal', { expected: { rows: 3 } }],
  ['toEventuallyFail', [], 'fail', {}],
  ['toEventuallyMatch', [/re/i], 'match', { like: { $regexp: 're', flags: 'i' } }],
  ['toEventuallyHaveSpan', [{ name: 'a' }], 'haveSpan', { name: 'a' }],
  ['toEventuallyReach', ['running'], 'reach', { state: 'running' }],
  ['toEventuallySatisfy', [isPaid], 'satisfy', { test: 'isPaid' }],
  ['toEventuallySettle', [], 'settle', {}],
  ['toEventuallySucceed', [], 'succeed', {}],
  ['toFollow', [undefined], 'follow', {}],
  [
    'toHoldUntil',
    ['queued', 'running'],
    'holdUntil',
    { first: { kind: 'state', state: 'queued' }, then: { kind: 'state', state: 'running' } },
  ],
  [
    'toLeadTo',
    ['queued', { kind: 'message' }],
    'leadTo',
    { cause: { kind: 'state', state: 'queued' }, effect: { kind: 'message' } },
  ],
  ['toNeverDeliver', ['paid', { for: '1s' }], 'neverDeliver', { event: { kind: 'message', type: 'paid' }, for: 1000 }],
  ['toNeverReach', ['failed', { for: '1s' }], 'neverReach', { state: 'failed', for: 1000 }],
  ['toPassThrough', [['queued', 'running']], 'passThrough', { states: ['queued', 'running'] }],
  ['toProgressMonotonically', [], 'progressMonotonically', {}],
  ['toStay', ['running', { for: 500 }], 'stay', { state: 'running', for: 500 }],
  ['toTellTheSameStory', [], 'sameStory', {}],
  ['toExpire', [{ atLeast: '1h' }], 'expire', { atLeast: 3_600_000 }],
  ['toHaveNoErrorSpans', [], 'noErrorSpans', {}],
  ['toHaveSpansInOrder', [['a', 'b']], 'spansInOrder', { spans: ['a', 'b'] }],
  ['toHonourCancel', [], 'honourCancel', {}],
  ['toHonourRetryAfter', [], 'honourRetryAfter', {}],
  ['toRespondWithin', ['1s'], 'respondWithin', { limit: 1000 }],
  ['toSettleWithin', ['1s'], 'settleWithin', { limit: 1000 }],
  ['toStayWithinPollBudget', [{ requests: 5 }], 'stayWithinPollBudget', { requests: 5 }],
  ['toStopPollingAfterTheEnd', [], 'stopPollingAfterTheEnd', {}],
  ['toThrottle', [{ caller: 'ann' }], 'throttle', { caller: 'ann' }],
  ['toTimeOutWithin', ['2s'], 'timeOutWithin', { limit: 2000 }],
];

function isPaid(order: { readonly paid: boolean }): boolean {
  return order.paid;
}

test('there is one file for each matcher, with its name', () => {
  const files = readdirSync(join(import.meta.dirname, '../../../src/matchers'))
    .map((file) => file.replace(/\.ts$/, ''))
    .filter((file) => !['async', 'index', 'matcher', 'options'].includes(file));
  expect(Object.keys(matchers).sort()).toEqual(files.sort());
  expect(
    Object.values(matchers)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(files.sort());
  expect(MEANT.map(([name]) => name).sort()).toEqual(files.sort());
});

describe.each(MEANT)('%s', (name, args, claim, told) => {
  test('means the claim of that name', () => {
    const meant = mean(name, ...args);
    expect(meant.claim).toMatchObject({ name: claim, args: told });
    expect(catalogue().has(claim)).toBe(true);
  });

  test('hands the options on', () => {
    const waits = meant(name).claim.fromNow !== true;
    // What leads to another has a time of its own, within which the other comes.
    const options = waits && name !== 'toLeadTo' ? { within: '7s', pace: '9ms' } : { for: '7s', pace: '9ms' };
    expect(mean(name, ...args.slice(0, positional(name)), options).options).toMatchObject(
      waits ? { within: '7s', pace: '9ms' } : { pace: '9ms' },
    );
  });

  test.each([
    ['5s', /expected options, received "5s"/],
    [null, /expected options, received null/],
    [['within'], /expected options, received \["within"\]/],
    [{ for: '1s', within: '1s', timeout: 5 }, /there is no option '(within|for|timeout)'/],
    [{ timeout: 500 }, /there is no option 'timeout'/],
    [{ pase: 500 }, /there is no option 'pase'[^]*did you mean 'pace'/],
    [{ for: '1s', pace: {} }, /expected a duration or a pace|no option 'for'/],
  ])('refuses %j as options', (options, pattern) => {
    const error = thrown(() => mean(name, ...args.slice(0, positional(name)), options));
    expect(error.message).toMatch(pattern);
    expect(error.message.startsWith(`${name}: `)).toBe(true);
  });
});

describe('bad arguments are told in the words of the matcher', () => {
  test.each([
    [
      'toEventuallyReach',
      [],
      'toEventuallyReach: expected the name of a state, received nothing',
      "toEventuallyReach('running')",
    ],
    ['toEventuallyReach', [''], 'toEventuallyReach: expected the name of a state, received ""', "toEventuallyReach('running')"],
    ['toEventuallyReach', [7], 'toEventuallyReach: expected the name of a state, received 7', 'write it as text'],
    // What the user gave is no name of a claim, whatever stands in it.
    ['toEventuallyReach', [{ 'match:': 1 }], 'expected the name of a state, received {"match:":1}', 'write it as text'],
    ['toPassThrough', [], 'toPassThrough: expected a list of states in order, received nothing', "toPassThrough(['queued'"],
    ['toPassThrough', ['queued'], 'toPassThrough: expected a list of states in order, received "queued"', 'toPassThrough(['],
    ['toPassThrough', [[]], 'toPassThrough: expected a list of states in order, received []', 'toPassThrough(['],
    ['toPassThrough', [['queued', 3]], 'toPassThrough: expected the name of a state, received 3', 'toPassThrough('],
    ['toStay', [], 'toStay: expected options, received nothing', "{ for: '500ms' }"],
    ['toStay', ['running'], 'toStay: expected options, received nothing', "{ for: '500ms' }"],
    ['toStay', ['running', {}], 'toStay: expected to be told for how long', "{ for: '500ms' }"],
    ['toStay', [undefined, { for: 5 }], 'toStay: expected the name of a state, received nothing', "toStay('running')"],
    ['toStay', ['running', { for: '5 sec' }], 'toStay: for: expected a duration, received "5 sec"', "did you mean '5s'?"],
    ['toNeverReach', ['failed', {}], 'toNeverReach: expected to be told for how long', "{ for: '500ms' }"],
    ['toNeverReach', [{}, { for: 5 }], 'toNeverReach: expected the name of a state, received {}', "toNeverReach('running')"],
    ['toNeverReach', ['failed', { for: -1 }], 'toNeverReach: for: expected a duration, received -1', 'milliseconds'],
    ['toDeliver', [], 'toDeliver: expected a message', "{ type: 'order.paid'"],
    ['toDeliver', ['paid', { times: 0 }], 'toDeliver: expected times to be a whole number from 1, received 0', '{ times: 2 }'],
    ['toDeliver', ['paid', { times: 1, atMost: 2 }], 'toDeliver: times and atMost cannot both be said', 'times for exactly'],
    ['toDeliver', [/paid/], 'toDeliver: expected a message', 'write a text'],
    ['toDeliverExactlyOnce', ['paid', { keys: [] }], 'expected keys to be a list of texts, received []', "per: 'data.order'"],
    ['toDeliverExactlyOnce', ['paid', { settle: '1 s' }], 'toDeliverExactlyOnce: settle: expected a duration', "'1s'"],
    ['toDeliverInOrder', [['paid']], 'toDeliverInOrder: expected what comes one after the other', 'toDeliverInOrder(['],
    ['toDeliverInOrder', [['a', 'b'], { by: 'id' }], 'toDeliverInOrder: expected one kind of message with by', 'one kind'],
    ['toDeliverInOrder', ['a', { by: '' }], 'toDeliverInOrder: expected by to be the path of a field', "by: 'data.order'"],
    ['toDeliverWithIntermediateResults', [{ atLeast: 0.5 }], 'expected atLeast to be a whole number from 1', '{ atLeast: 2 }'],
    ['toNeverDeliver', ['paid', {}], 'toNeverDeliver: expected to be told for how long', "{ for: '500ms' }"],
    [
      'toEventuallyMatch',
      ['paid'],
      'toEventuallyMatch: expected members or a regular expression, received "paid"',
      'use toEventuallyEqual(…)',
    ],
    ['toEventuallySatisfy', [7], 'toEventuallySatisfy: expected a function or a Standard Schema, received 7', 'order.paid'],
    ['toFollow', ['queued'], 'toFollow: the lifecycle', 'expected an object'],
    ['toFollow', [{ initial: 'a', moves: {}, endings: {} }], 'no state ends the operation', 'terminal state'],
    ['toHoldUntil', ['queued'], 'toHoldUntil: expected the name of a state, or a pattern, received nothing', 'write a text'],
    ['toLeadTo', ['queued', {}], 'toLeadTo: expected the name of a state, or a pattern, received {}', 'write a text'],
    ['toLeadTo', ['a', 'b', { inTime: 5 }], "toLeadTo: there is no option 'inTime'", 'within, for and pace'],
    ['toProgressMonotonically', [{ fullAtTheEnd: 1 }], 'expected fullAtTheEnd to be true or false, received 1', 'true'],
    ['toEventuallyFail', [{ interval: 5 }], "toEventuallyFail: there is no option 'interval'", "did you mean 'pace'?"],
    [
      'toEventuallySettle',
      [{ tries: 5 }],
      "toEventuallySettle: there is no option 'tries'",
      'there are within, pace and lookPast',
    ],
    ['toExpire', [{}], 'toExpire: expected atLeast or atMost, received {}', "toExpire({ atLeast: '1h'"],
    ['toThrottle', ['ann'], 'toThrottle: expected an object as its argument, received "ann"', "toThrottle({ caller: 'ann' })"],
    ['toAcceptWithin', ['soon'], 'toAcceptWithin: limit: expected a duration, received "soon"', 'write'],
    [
      'toEventuallyHaveSpan',
      [{ nam: 'a' }],
      'toEventuallyHaveSpan: expected no more than name',
      "toEventuallyHaveSpan({ name: 'POST",
    ],
    ['toStay', ['running', { for: 5, timeout: 5 }], "toStay: there is no option 'timeout'", 'there are for and pace'],
  ])('%s%j', (name, args, told, hint) => {
    const error = thrown(() => mean(name, ...args));
    expect(error.message).toContain(told);
    expect(error.hint).toContain(hint);
    // The hint stands in the message once.
    expect(error.message.split('hint: ')).toHaveLength(2);
  });
});

function meant(name: string): Meant {
  return mean(name, ...meantArgs(name));
}

function meantArgs(name: string): readonly unknown[] {
  return MEANT.find(([one]) => one === name)![1];
}

function isOptions(arg: unknown): boolean {
  return typeof arg === 'object' && arg !== null && 'for' in arg;
}

/** How many arguments come before the options. */
function positional(name: string): number {
  return meantArgs(name).filter((arg) => !isOptions(arg)).length;
}

function thrown(run: () => unknown): HarnessError {
  try {
    run();
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

test('toTellTheSameStory hands on for how long all must be quiet', () => {
  expect(mean('toTellTheSameStory', { quiet: '1s' }).claim.args).toEqual({ quiet: 1000 });
  expect(() => mean('toTellTheSameStory', { quiet: 'long' })).toThrow(/toTellTheSameStory: quiet: expected a duration/);
});
