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
  ['toEventuallyFail', [], 'fail', {}],
  ['toEventuallyReach', ['running'], 'reach', { state: 'running' }],
  ['toEventuallySettle', [], 'settle', {}],
  ['toEventuallySucceed', [], 'succeed', {}],
  ['toNeverReach', ['failed', { for: '1s' }], 'neverReach', { state: 'failed', for: 1000 }],
  ['toPassThrough', [['queued', 'running']], 'passThrough', { states: ['queued', 'running'] }],
  ['toStay', ['running', { for: 500 }], 'stay', { state: 'running', for: 500 }],
];

test('there is one file for each matcher, with its name', () => {
  const files = readdirSync(join(import.meta.dirname, '../../../src/matchers'))
    .map((file) => file.replace(/\.ts$/, ''))
    .filter((file) => !['async', 'index', 'matcher'].includes(file));
  expect(Object.keys(matchers).sort()).toEqual(files.sort());
  expect(
    Object.values(matchers)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(files.sort());
  expect(MEANT.map(([name]) => name)).toEqual(files.sort());
});

describe.each(MEANT)('%s', (name, args, claim, told) => {
  test('means the claim of that name', () => {
    const meant = mean(name, ...args);
    expect(meant.claim).toMatchObject({ name: claim, args: told });
    expect(catalogue().has(claim)).toBe(true);
  });

  test('hands the options on', () => {
    const waits = meant(name).claim.fromNow !== true;
    const options = waits ? { within: '7s', pace: '9ms' } : { for: '7s', pace: '9ms' };
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
    ['toEventuallyFail', [{ interval: 5 }], "toEventuallyFail: there is no option 'interval'", "did you mean 'pace'?"],
    ['toEventuallySettle', [{ tries: 5 }], "toEventuallySettle: there is no option 'tries'", 'there are within and pace'],
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
  return mean(name, ...MEANT.find(([one]) => one === name)![1]);
}

/** How many arguments come before the options. */
function positional(name: string): number {
  return ['toEventuallyReach', 'toNeverReach', 'toPassThrough', 'toStay'].includes(name) ? 1 : 0;
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
