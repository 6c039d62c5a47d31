import { describe, expect, test } from 'vitest';
import {
  always,
  and,
  describe as wordsOf,
  eventually,
  forEach,
  implies,
  is,
  leadsTo,
  matching,
  next,
  no,
  not,
  or,
  Progression,
  until,
  weakNext,
  yes,
  type Formula,
} from '../../../src/logic/formula.ts';
import { checkPattern, matches, type Pattern } from '../../../src/logic/pattern.ts';
import type { Observation } from '../../../src/trace/index.ts';
import { message, observed, refusal, request, state, tick, type Step } from './seen.ts';

const a = matching('a', (o) => (o.kind === 'state' && o.state === 'a') || { why: 'no a' });
const b = matching('b', (o) => (o.kind === 'state' && o.state === 'b') || { why: 'no b' });

describe('the words of a formula', () => {
  test.each<[Formula, string]>([
    [yes, 'true'],
    [no, 'false'],
    [is({ state: 'queued' }), '{"state":"queued"}'],
    [a, 'a'],
    [not(a), 'not a'],
    [and(a, b), 'a and b'],
    [and(), 'true'],
    [or(), 'false'],
    [or(and(a, b), b), '(a and b) or b'],
    [or(always(a), b), '(always a) or b'],
    [or(not(a), b), 'not a or b'],
    [not(or(a, b)), 'not (a or b)'],
    [and(forEach('keys', a), b), '(for each keys: a) and b'],
    [or(next(or(a, b)), b), '(next (a or b)) or b'],
    [or(weakNext(a), b), '(if there is a next, next a) or b'],
    [and(or(a), b), 'a and b'],
    [next(next(a)), 'next next a'],
    [weakNext(a), 'if there is a next, next a'],
    [until(a, b), 'a until b'],
    [until(a, b, { within: '5s' }), 'a until within 5s b'],
    [until(or(a, b), eventually(b)), '(a or b) until (eventually b)'],
    [eventually(a), 'eventually a'],
    [eventually(a, { within: 1500 }), 'eventually within 1.5s a'],
    [always(a), 'always a'],
    [always(not(a)), 'always not a'],
    [not(eventually(a)), 'always not a'],
    [always(a, { within: '2m' }), 'always within 2m a'],
    [implies(a, b), 'not a or b'],
    [leadsTo(a, b, { within: '1s' }), 'always (not a or (eventually within 1s b))'],
    [forEach('keys', leadsTo(a, b)), 'for each keys: always (not a or (eventually b))'],
  ])('%#: %j', (formula, words) => {
    expect(wordsOf(formula)).toBe(words);
  });

  test('a pattern in them is cut where it grows long', () => {
    expect(wordsOf(is({ state: 'x'.repeat(500) })).length).toBeLessThanOrEqual(120);
  });
});

describe('a pattern', () => {
  const seen: Observation = {
    ...observed([
      state(
        'done',
        7,
        {
          progress: 50,
          raw: { list: [{ x: 1, y: 2 }], 'http.method': 'GET', nested: { deep: { n: 0 } }, none: null },
        },
        'monitor',
        ['k'],
      ),
    ])[0]!,
  };

  test.each<[Pattern]>([
    [{}],
    [{ kind: 'state', state: 'done' }],
    [{ source: 'monitor', at: 7, seq: 0, keys: ['k'] }],
    [{ raw: { nested: { deep: { n: 0 } } } }],
    [{ 'raw.nested.deep.n': 0 }],
    [{ raw: { list: [{ y: 2, x: 1 }] } }],
    [{ raw: { 'http.method': 'GET' } }],
    [{ raw: { none: null } }],
    [{ state: { $oneOf: ['failed', 'done'] } }],
    [{ 'raw.list': { $oneOf: [[], [{ y: 2, x: 1 }]] } }],
    [{ progress: { $atLeast: 50 } }],
    [{ progress: { $atMost: 50 } }],
    [{ progress: { $exists: true }, error: { $exists: false } }],
    [{ 'raw.none': { $exists: true } }],
    [{ constructor: { $exists: false } }],
  ])('%j matches', (where) => {
    expect(matches(seen, where)).toBe(true);
  });

  test.each<[Pattern, string, number]>([
    [{ state: 'Done' }, 'state is "done", not "Done"', 1],
    [{ kind: 'state', state: 'failed', progress: 51, source: 'x' }, 'state is "done", not "failed"', 0.75],
    [{ kind: 'state', state: 'failed' }, 'state is "done", not "failed"', 0.5],
    [{ raw: { nested: { deep: { n: 1 } } } }, 'raw.nested.deep.n is 0, not 1', 1],
    [{ raw: { nested: { deep: { n: '0' } } } }, 'raw.nested.deep.n is 0, not "0"', 1],
    [{ raw: { list: [{ x: 1 }] } }, 'raw.list is [{"x":1,"y":2}], not [{"x":1}]', 1],
    [{ raw: { none: { $exists: false } } }, 'raw.none is null, not {"$exists":false}', 1],
    [{ error: null }, 'error is nothing, not null', 1],
    [{ keys: ['K'] }, 'keys is ["k"], not ["K"]', 1],
    [{ state: { $oneOf: [] } }, 'state is "done", not {"$oneOf":[]}', 1],
    [{ progress: { $atLeast: 51 } }, 'progress is 50, not {"$atLeast":51}', 1],
    [{ progress: { $atMost: 49 } }, 'progress is 50, not {"$atMost":49}', 1],
    [{ state: { $atLeast: 0 } }, 'state is "done", not {"$atLeast":0}', 1],
    [{ toString: { $exists: true } }, 'toString is nothing, not {"$exists":true}', 1],
    [{ 'raw.nested.toString': { $exists: true } }, 'raw.nested.toString is nothing, not {"$exists":true}', 1],
  ])('%j does not, and says why and how near', (where, why, distance) => {
    expect(matches(seen, where)).toMatchObject({ why, distance });
  });

  test('an unknown check is refused', () => {
    expect(refusal(() => matches(seen, { state: { $regex: 'd' } }))).toMatchObject({
      code: 'invalid-formula',
      hint: 'write $oneOf, $atLeast, $atMost or $exists',
    });
  });
});

/** How a formula stands after all of these: decided, or as it would be if nothing more came. */
function stands(formula: Formula, steps: readonly Step[]): { verdict: boolean | undefined; atEnd: boolean } {
  const progression = new Progression(formula);
  for (const o of observed(steps)) progression.step(o);
  return { verdict: progression.verdict, atEnd: progression.atEnd() };
}

describe('forEach', () => {
  const answered = forEach('exchange', leadsTo(is({ kind: 'request' }), is({ kind: 'response' })));
  const ask = (exchange: string, at: number): Step => request(exchange, at, 'http://a.test');
  const answer = (exchange: string, at: number): Step => ({
    event: { kind: 'response', exchange, status: 200, headers: [] },
    at,
    source: 's',
    keys: undefined,
  });

  test('by a path takes each key’s observations by themselves', () => {
    expect(stands(answered, [ask('1', 0), ask('2', 1), answer('1', 2), answer('2', 3)])).toEqual({
      verdict: undefined,
      atEnd: true,
    });
    expect(stands(answered, [ask('1', 0), ask('2', 1), answer('1', 2), answer('1', 3)])).toEqual({
      verdict: undefined,
      atEnd: false,
    });
  });

  test('by keys counts an observation for each of its keys', () => {
    const one = forEach('keys', eventually(is({ kind: 'message' })));
    const opened = [state('a', 0, {}, 's', ['k1']), state('a', 1, {}, 's', ['k2'])];
    expect(stands(one, opened).atEnd).toBe(false);
    expect(stands(one, [...opened, message('m', 2, {}, ['k1', 'k2'])]).atEnd).toBe(true);
    expect(stands(one, [...opened, message('m', 2, {}, ['k1'])]).atEnd).toBe(false);
    expect(stands(one, [state('a'), message('m')])).toEqual({ verdict: undefined, atEnd: true });
  });

  test('by a path to what is no text tells values apart, whatever the order of their members', () => {
    const once = forEach('data.key', not(and(is({ kind: 'message' }), next(eventually(is({ kind: 'message' }))))));
    const sent = (key: unknown, at: number): Step => message('m', at, { key });
    expect(stands(once, [sent(1, 0), sent('2', 1), sent(null, 2), sent(undefined, 3), sent(null, 4)]).verdict).toBeUndefined();
    expect(stands(once, [sent({ x: 1, y: 2 }, 0), sent({ y: 2, x: 1 }, 1)]).verdict).toBe(false);
    expect(stands(once, [sent([1], 0), sent([1], 1)]).verdict).toBe(false);
  });

  test('by a path that objects inherit finds no key', () => {
    expect(stands(forEach('data.constructor.name', no), [message('m')])).toEqual({ verdict: undefined, atEnd: true });
  });

  test('each key’s time runs by itself', () => {
    const soon = forEach('keys', leadsTo(is({ state: 'a' }), is({ state: 'b' }), { within: 5 }));
    const opened = [state('a', 0, {}, 's', ['k1']), state('a', 4, {}, 's', ['k2'])];
    expect(stands(soon, [...opened, state('b', 5, {}, 's', ['k1']), tick(9)]).verdict).toBeUndefined();
    expect(stands(soon, [...opened, state('b', 5, {}, 's', ['k1']), tick(9.001)]).verdict).toBe(false);
    expect(stands(soon, [...opened, state('b', 5, {}, 's', ['k2']), tick(6)]).verdict).toBe(false);
    expect(stands(soon, [...opened, state('b', 5, {}, 's', ['k1', 'k2']), tick(99)]).verdict).toBeUndefined();
  });
});

describe('of bounds that differ in their deadline alone', () => {
  const soon = (formula: Formula): Formula => eventually(formula, { within: 5 });

  test.each<[string, Formula, Step[], boolean | undefined]>([
    ['an always asks for the earliest', always(implies(a, soon(b))), [state('a', 0), state('a', 3), tick(6)], false],
    [
      'one answer is enough for all',
      always(implies(a, soon(b))),
      [state('a', 0), state('a', 3), state('b', 4), tick(99)],
      undefined,
    ],
    [
      'an eventually is content with the latest',
      eventually(and(a, soon(b))),
      [state('a', 0), state('a', 3), state('b', 7)],
      true,
    ],
    [
      'what must stay away does so to the latest',
      always(implies(a, not(soon(b)))),
      [state('a', 0), state('a', 3), state('b', 7)],
      false,
    ],
    [
      'what may stay away need do so to the earliest only',
      eventually(and(a, not(soon(b)))),
      [state('a', 0), state('a', 3), tick(6)],
      true,
    ],
  ])('%s', (_name, formula, steps, verdict) => {
    expect(stands(formula, steps).verdict).toBe(verdict);
  });
});

test('what is asked for and ruled out at once is decided at once', () => {
  expect(new Progression(and(a, not(a))).verdict).toBe(false);
  expect(new Progression(or(not(a), a)).verdict).toBe(true);
  expect(new Progression(not(not(and()))).verdict).toBe(true);
});

test('an unknown operator is refused by progression too', () => {
  expect(refusal(() => new Progression({ op: 'soon' } as unknown as Formula))).toMatchObject({ code: 'invalid-formula' });
});

describe('a check within a list', () => {
  test.each<[string, Pattern, string]>([
    ['a list', { 'data.rows': [{ $atLeast: 1 }] }, 'where.data.rows[0]'],
    ['an object of a list', { data: { rows: [{ n: { $exists: true } }] } }, 'where.data.rows[0].n'],
    ['another check', { 'data.rows': { $oneOf: [{ $atMost: 3 }] } }, 'where.data.rows.$oneOf[0]'],
  ])('is refused in %s, as it would be asked of nothing', (_name, where, path) => {
    expect(refusal(() => checkPattern(where, 'where'))).toMatchObject({
      code: 'invalid-formula',
      message: expect.stringContaining(`${path}: a list is compared as it is`),
      hint: expect.stringContaining("'data.rows.0'"),
    });
  });

  test('is asked of one place of it', () => {
    const where = { 'data.rows.0': { $atLeast: 1 } };
    checkPattern(where, 'where');
    const [five, none] = observed([message('1', 0, { rows: [5] }), message('2', 0, { rows: [0] })]);
    expect(matches(five!, where)).toBe(true);
    expect(matches(none!, where)).toMatchObject({ why: 'data.rows.0 is 0, not {"$atLeast":1}' });
  });
});
