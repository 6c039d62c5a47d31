import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ContractViolation, documentError, HarnessError, isError, nearest, show, type Issue } from '../../src/errors.ts';
import { law } from '../setup/law.ts';

const issue = (code: string, more: Partial<Issue> = {}): Issue => ({
  code,
  path: '',
  expected: 'a list',
  received: '5',
  message: `${code} it is`,
  ...more,
});

test('an error is one from whatever realm it comes', () => {
  const foreign = runInNewContext('new TypeError("gone")') as unknown;
  expect(foreign instanceof Error).toBe(false);
  const told = [
    foreign,
    new HarnessError('a', 'b', 'c'),
    new DOMException('cut', 'AbortError'),
    { message: 'no' },
    'Error',
    null,
  ];
  expect(told.map(isError)).toEqual([true, true, true, false, false, false]);
});

describe('show', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;

  test.each<[unknown, string]>([
    [undefined, 'nothing'],
    [null, 'null'],
    ['', '""'],
    ['a "b"\n', '"a \\"b\\"\\n"'],
    ['\ud800', '"\\ud800"'],
    [0, '0'],
    [-1.5, '-1.5'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [true, 'true'],
    [5n, '5n'],
    [Symbol('s'), 'Symbol(s)'],
    [() => 5, '() => 5'],
    [{ a: [1, { b: null }] }, '{"a":[1,{"b":null}]}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ big: 5n }, 'an object that JSON cannot write'],
    [circular, 'an object that JSON cannot write'],
    [{ toJSON: () => undefined }, 'nothing'],
  ])('%o is shown as %s', (value, text) => {
    expect(show(value)).toBe(text);
  });

  test('what throws when it is read is told as such', () => {
    const broken = {
      get it() {
        throw new Error('no');
      },
    };
    expect(show(broken)).toBe('an object that JSON cannot write');
  });

  test('law: any value is shown, in no more characters than the limit', () => {
    law(
      fc.tuple(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), fc.integer({ min: 10, max: 80 })),
      ([value, limit]) => {
        const text = show(value, limit);
        expect(text).not.toBe('');
        expect(text.length <= limit || text === 'an object that JSON cannot write').toBe(true);
      },
      500,
    );
    expect(show('x'.repeat(100))).toBe(`"${'x'.repeat(56)}...`);
    expect(show('x'.repeat(58))).toBe(`"${'x'.repeat(58)}"`);
  });
});

describe('nearest', () => {
  const states = ['queued', 'running', 'succeeded', 'failed', 'cancelled'];

  test.each<[string, readonly string[], string | undefined]>([
    ['runing', states, 'running'],
    ['Running', states, 'running'],
    ['RUNNIG', states, 'running'],
    ['succeded', states, 'succeeded'],
    ['canceled', states, 'cancelled'],
    ['fail', states, 'failed'],
    ['done', states, undefined],
    ['', states, undefined],
    ['running', [], undefined],
    ['toEventualySuceed', ['toEventuallySucceed', 'toEventuallySettle'], 'toEventuallySucceed'],
    ['b', ['a', 'ab', 'c'], 'ab'],
    ['x', ['ok', 'no', 'a'], undefined],
    ['xy', ['ok'], undefined],
    ['oj', ['ok'], 'ok'],
  ])('of %j among %j is %j', (name, known, found) => {
    expect(nearest(name, known)).toBe(found);
  });

  test('law: a known name is nearest to itself, and to itself with a letter lost', () => {
    law(fc.tuple(fc.constantFrom(...states), fc.nat(20)), ([name, place]) => {
      expect(nearest(name, states)).toBe(name);
      const at = place % name.length;
      expect(nearest(name.slice(0, at) + name.slice(at + 1), states)).toBe(name);
    });
  });
});

describe('a HarnessError', () => {
  test('tells its hint on a line of its own, and keeps code, hint and cause for machines', () => {
    const cause = new Error('below');
    const error = new HarnessError('port-in-use', 'port 80 is in use', 'give another port', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'HarnessError',
      code: 'port-in-use',
      hint: 'give another port',
      message: 'port 80 is in use\n  hint: give another port',
      cause,
      issues: [],
    });
    expect(new HarnessError('a', 'b', 'c')).not.toHaveProperty('cause');
  });
});

describe('a ContractViolation', () => {
  test('carries judgement, trace and replay', () => {
    const error = new ContractViolation('did not succeed', { judgement: 1, trace: 2, replay: 'seed 7' });
    expect(error).toMatchObject({
      name: 'ContractViolation',
      message: 'did not succeed',
      judgement: 1,
      trace: 2,
      replay: 'seed 7',
    });
    expect(new ContractViolation('m', { judgement: 1, trace: 2 })).toMatchObject({ replay: undefined });
    expect(new ContractViolation('m', { judgement: 1, trace: 2 })).not.toHaveProperty('cause');
    expect(new ContractViolation('m', { judgement: 1, trace: 2, cause: 3 })).toHaveProperty('cause', 3);
  });
});

describe('documentError', () => {
  test('of one problem says where it is, what was expected and what came', () => {
    const only = issue('wrong-type', { path: 'moves.a', line: 3 });
    expect(documentError('the lifecycle', [only])).toMatchObject({
      code: 'wrong-type',
      message: 'the lifecycle has a problem:\n  line 3: moves.a: wrong-type it is\n  hint: expected a list, received 5',
      issues: [only],
    });
  });

  test('of several lists all, under the code of the first', () => {
    const all = [issue('first'), issue('second', { path: 'b' })];
    expect(documentError('run.jsonl', all)).toMatchObject({
      code: 'first',
      message:
        'run.jsonl has 2 problems:\n  first it is\n  b: second it is\n  hint: every problem is listed above; mend them in one go',
      issues: all,
    });
  });

  test('of none still is an error of a document', () => {
    expect(documentError('it', []).code).toBe('invalid-document');
  });
});
