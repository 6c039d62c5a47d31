import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  always,
  and,
  eventually,
  forEach,
  formula,
  implies,
  is,
  judge,
  leadsTo,
  matching,
  MAX_RESIDUAL_NODES,
  next,
  no,
  not,
  or,
  until,
  yes,
  type Formula,
} from '../../../../src/logic/index.ts';
import {
  deadline,
  error,
  judged,
  message,
  note,
  observed,
  refusal,
  request,
  short,
  state,
  succeeded,
  tick,
  type Step,
} from '../seen.ts';

const at = (name: string): Formula => is({ kind: 'state', state: name });
const claim = (of: Formula): ReturnType<typeof formula> => formula({ formula: of });

describe('formula', () => {
  test.each<[string, Formula, Step[], 'holds' | 'violated' | 'undecided', string, number[]]>([
    ['eventually, seen', eventually(at('b')), [state('a'), state('b', 3)], 'holds', 'observation', [1]],
    ['eventually, not seen', eventually(at('b')), [state('a')], 'violated', 'deadline', [0]],
    ['eventually within, in time', eventually(at('b'), { within: 5 }), [state('a'), state('b', 5)], 'holds', 'observation', [1]],
    [
      'eventually within, too late',
      eventually(at('b'), { within: 5 }),
      [state('a'), state('b', 6)],
      'violated',
      'observation',
      [1],
    ],
    [
      'eventually within, at the very end of a bound of fractions',
      leadsTo(at('a'), at('b'), { within: 0.1 }),
      [state('a', 0.7), state('b', 0.8)],
      'holds',
      'deadline',
      [1],
    ],
    ['eventually within, by time alone', eventually(at('b'), { within: 5 }), [state('a'), tick(6)], 'violated', 'deadline', [0]],
    ['always, kept', always(not(is({ kind: 'error' }))), [state('a'), state('b', 3)], 'holds', 'deadline', [1]],
    ['always, broken', always(not(is({ kind: 'error' }))), [state('a'), error(3), state('b', 4)], 'violated', 'observation', [1]],
    ['until, kept', until(at('a'), at('b')), [state('a'), state('a', 1), state('b', 2)], 'holds', 'observation', [2]],
    ['until, broken', until(at('a'), at('b')), [state('a'), state('c', 1)], 'violated', 'observation', [1]],
    ['leadsTo, answered', leadsTo(at('a'), at('b'), { within: 9 }), [state('a'), state('b', 4)], 'holds', 'deadline', [1]],
    ['leadsTo, unanswered', leadsTo(at('a'), at('b')), [state('a'), state('c', 4)], 'violated', 'deadline', [1]],
    ['next', next(at('b')), [state('a'), state('b', 1)], 'holds', 'observation', [1]],
    ['what is false', no, [note()], 'violated', 'observation', [0]],
    ['what is true', yes, [note()], 'holds', 'observation', [0]],
    ['nothing', eventually(at('b')), [], 'undecided', 'nothing', []],
    ['exchanges alone', eventually(is({ kind: 'request' })), [request('1', 0, 'http://a.test')], 'holds', 'observation', [0]],
  ])('judges %s', (_name, of, steps, verdict, by, evidence) => {
    expect(short(judged(claim(of), steps, { closing: deadline(9) }))).toMatchObject({ verdict, by, evidence });
  });

  test.each<[string, Formula, Step[], string | undefined]>([
    ['what came nearest, while something is missing', eventually(at('b')), [state('a')], 'state is "a", not "b"'],
    ['nothing once it holds', eventually(at('b')), [state('a'), state('b')], undefined],
    ['nothing where it holds to the end', always(or(at('a'), at('b'))), [state('a')], undefined],
    ['what must not be, yet is', always(not(at('b'))), [state('a'), state('b')], 'it matches {"kind":"state","state":"b"}'],
    ['what is not as it should always be', always(at('a')), [state('a'), state('b')], 'state is "b", not "a"'],
    ['the effect, not the cause', leadsTo(at('a'), at('b')), [state('a'), state('c')], 'state is "c", not "b"'],
    [
      'the effect, though the cause came nearer',
      leadsTo(is({ kind: 'state', source: 'monitor', state: 'a' }), at('b')),
      [state('a'), state('c')],
      'state is "c", not "b"',
    ],
    [
      'the effect after a time-out, of the last that was looked at',
      leadsTo(at('a'), at('b'), { within: 5 }),
      [state('a'), state('c', 3), tick(6)],
      'state is "c", not "b"',
    ],
    [
      'the part that is broken, not another that is still open',
      and(eventually(at('z')), always(not(at('b')))),
      [state('a'), state('b')],
      'it matches {"kind":"state","state":"b"}',
    ],
    [
      'the nearest of those of which one would do',
      or(is({ kind: 'state', state: 'x', source: 's' }), at('y')),
      [state('a')],
      'state is "a", not "y"',
    ],
    ['what should have gone on until then', until(at('a'), at('b')), [state('a'), state('c')], 'state is "c", not "b"'],
    ['what should have come next', next(at('b')), [state('a'), state('c')], 'state is "c", not "b"'],
    [
      'what must not be of one key',
      forEach('keys', always(not(at('b')))),
      [state('a', 0, {}, 's', ['k1']), state('b', 1, {}, 's', ['k2'])],
      'it matches {"kind":"state","state":"b"}',
    ],
    [
      'a consequence that fails at once',
      always(implies(at('a'), is({ progress: 0 }))),
      [state('a', 0, { progress: 7 })],
      'progress is 7, not 0',
    ],
  ])('tells %s', (_name, of, steps, why) => {
    expect(judged(claim(of), steps).reason['why']).toBe(why);
  });

  test('tells the formula, and what was expected instead of what', () => {
    expect(judged(claim(eventually(at('b'))), [state('a')]).reason).toMatchObject({
      code: 'formula',
      formula: 'eventually {"kind":"state","state":"b"}',
      expected: 'b',
      actual: 'a',
    });
    expect(claim(eventually(at('b'))).says).toBe('satisfy: eventually {"kind":"state","state":"b"}');
  });

  test('more keys than are followed leave it undecided, by the bound', () => {
    const of = claim(forEach('id', eventually(is({ kind: 'state' }))));
    const steps = observed(Array.from({ length: MAX_RESIDUAL_NODES + 2 }, (_, i) => message(`k${i}`, i)));
    expect(judge(of, steps.slice(0, 10), { closing: deadline(9) })).toMatchObject({ verdict: 'violated' });
    const judgement = judge(of, steps, { closing: deadline(9) });
    expect(judgement).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'bound',
      reason: { code: 'residual-bound', limit: MAX_RESIDUAL_NODES },
    });
    expect(judgement.reason['nodes']).toBeGreaterThan(MAX_RESIDUAL_NODES);
  });

  test('a residual past its bound leaves it undecided, and is stepped no more', () => {
    const wishes = Array.from({ length: 200 }, (_, n) => next(is({ state: `never ${n}` })));
    const soon = eventually(is({ state: 'never' }), { within: '1h' });
    const running = claim(forEach('state', and(soon, ...wishes))).start({ since: 0 });
    for (let seq = 0; seq < 60; seq++) {
      running.step({ kind: 'state', state: `s${seq}`, at: seq, seq, source: 's' });
    }
    const before = running.judgement().reason['nodes'];
    running.step({ kind: 'state', state: 's1', at: 60, seq: 60, source: 's' });
    expect(running.judgement().reason).toMatchObject({ code: 'residual-bound', nodes: before });
    expect(running.due()).toBeUndefined();
    expect(running.close({ by: 'end', at: 60 })).toMatchObject({ verdict: 'undecided', decidedBy: 'bound' });
  });

  test('wakes at the moment a bound is over', () => {
    const running = claim(eventually(at('b'), { within: 50 })).start({ since: 0 });
    expect(running.due()).toBeUndefined();
    running.step({ kind: 'state', state: 'a', at: 10, seq: 0, source: 's' });
    expect(running.due()).toBe(60.001);
  });

  test('a test that throws is the caller’s to see', () => {
    const broken = matching('broken', () => {
      throw new TypeError('in the test');
    });
    expect(() => judge(claim(eventually(broken)), observed([succeeded()]))).toThrow('in the test');
  });

  test('takes a pattern from another realm, as under Jest', () => {
    const pattern = runInNewContext('({ state: "succeeded" })') as { state: string };
    expect(Object.getPrototypeOf(pattern)).not.toBe(Object.prototype);
    expect(judge(claim(eventually(is(pattern))), observed([succeeded()])).verdict).toBe('holds');
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'formula: expected a formula, received nothing'],
    ['a text', 'always', 'formula: expected a formula, received "always"'],
    ['an unknown operator', { op: 'soon' }, 'formula: there is no operator "soon"'],
    ['no operator', {}, 'formula: there is no operator nothing'],
    ['a part that is none', and(yes, null as unknown as Formula), 'formula.of[1]: expected a formula, received null'],
    ['an and of no list', { op: 'and', of: yes }, 'formula.of: expected a list of formulas, received {"op":"true"}'],
    ['a not of nothing', { op: 'not' }, 'formula.of: expected a formula, received nothing'],
    ['an until without its end', { op: 'until', first: yes }, 'formula.then: expected a formula, received nothing'],
    ['an until without its beginning', { op: 'until', then: yes }, 'formula.first: expected a formula, received nothing'],
    ['a bound in words', { ...until(yes, yes), within: '5s' }, 'formula.within: expected milliseconds, received "5s"'],
    ['a bound before it begins', { ...until(yes, yes), within: -1 }, 'formula.within: expected milliseconds, received -1'],
    ['a forEach of no key', { op: 'forEach', of: yes }, "formula.key: expected 'keys' or the path of a field, received nothing"],
    ['a test without a name', { op: 'test' }, 'formula.name: expected the name of a test, received nothing'],
    ['a pattern that is none', { op: 'is', where: 'state' }, 'formula.where: expected an object, received "state"'],
    ['a pattern with a regular expression', is({ state: /run/ }), 'formula.where.state: expected plain JSON, received RegExp'],
    ['a pattern with a date', is({ data: { when: new Date(0) } }), 'formula.where.data.when: expected plain JSON, received Date'],
    ['a pattern with nothing', is({ error: undefined }), 'formula.where.error: expected plain JSON, received nothing'],
    ['a pattern with a function', is({ list: [1, () => 1] }), 'formula.where.list[1]: expected plain JSON, received () => 1'],
    ['a pattern with NaN', is({ progress: Number.NaN }), 'formula.where.progress: expected plain JSON, received NaN'],
    ['an unknown check', is({ state: { $regex: 'r' } }), 'formula.where.state: there is no check {"$regex":"r"}'],
    ['a check that objects inherit', is({ state: { $constructor: 1 } }), 'formula.where.state: there is no check'],
    ['two checks in one', is({ progress: { $atLeast: 1, $atMost: 2 } }), 'formula.where.progress: there is no check'],
    ['a check of the wrong kind', is({ state: { $oneOf: 'ab' } }), 'formula.where.state: there is no check {"$oneOf":"ab"}'],
    ['a bound of the wrong kind', is({ progress: { $atLeast: '1' } }), 'formula.where.progress: there is no check'],
  ])('refuses %s, says where, and how to write it', (_name, of, says) => {
    const refused = refusal(() => formula({ formula: of as Formula }));
    expect(refused).toMatchObject({
      code: 'invalid-formula',
      message: expect.stringContaining(says),
      hint: expect.stringMatching(/build formulas with is|name fields and their values|write \{ \$oneOf/),
    });
  });
});
