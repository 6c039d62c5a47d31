import { describe, expect, test } from 'vitest';
import type { ExactlyOnceArgs } from '../../../../src/logic/claims/exactlyOnce.ts';
import { exactlyOnce, judge } from '../../../../src/logic/index.ts';
import type { Observation } from '../../../../src/trace/index.ts';
import {
  deadline,
  judged,
  lost,
  message,
  observed,
  refusal,
  request,
  short,
  state,
  tick,
  told,
  value,
  type Short,
  type Step,
} from '../seen.ts';

const done = { kind: 'message', type: 'done' };
const holds = (evidence: number[]): Short => ({ verdict: 'holds', by: 'deadline', code: 'exactly-once', evidence });
const twice = (evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code: 'duplicate', evidence });
const missing = (evidence: number[]): Short => ({ verdict: 'violated', by: 'deadline', code: 'missing', evidence });

describe('exactlyOnce', () => {
  test.each<[string, ExactlyOnceArgs, Step[], Short]>([
    ['each once', { event: done }, [message('1'), message('2', 3)], holds([0, 1])],
    ['what was expected, once', { event: done, keys: ['1', '2'] }, [message('2'), message('1', 3)], holds([0, 1])],
    ['more than was expected, each once', { event: done, keys: ['1'] }, [message('1'), message('2')], holds([0, 1])],
    ['one twice', { event: done }, [message('1'), message('2'), message('1', 5), message('1', 6)], twice([0, 2])],
    [
      'a message delivered twice that is one piece of work',
      { event: done, per: 'data.order' },
      [message('m1', 0, { order: 'A' }), message('m2', 3, { order: 'A' })],
      twice([0, 1]),
    ],
    [
      'two deliveries of one id that are told apart by what they did',
      { event: done, per: 'data.order' },
      [message('m', 0, { order: 'A' }), message('m', 3, { order: 'B' })],
      holds([0, 1]),
    ],
    ['an expected key that never came', { event: done, keys: ['1', '2'] }, [message('1')], missing([0])],
    ['an expected key, of which nothing matched', { event: done, keys: ['1'] }, [state('running')], missing([])],
    ['nothing that matches', { event: done }, [state('running')], missing([])],
    ['what matches but has no key', { event: done }, [message(undefined), message(undefined)], twice([0, 1])],
    ['one without a key beside others', { event: done }, [message('1'), message(undefined)], holds([0, 1])],
    [
      'keys that are numbers and objects, by their values',
      { event: done, per: 'data.n' },
      [message('a', 0, { n: 1 }), message('b', 0, { n: { x: 1, y: 2 } }), message('c', 0, { n: { y: 2, x: 1 } })],
      twice([1, 2]),
    ],
    [
      'a key named as what objects inherit',
      { event: done, per: 'data.constructor' },
      [message('1'), message('2')],
      twice([0, 1]),
    ],
    [
      'a key with a dot in its name',
      { event: done, per: 'data' },
      [message('1', 0, { 'order.id': 1 }), message('2', 0, { 'order.id': 1 })],
      twice([0, 1]),
    ],
    [
      'effects read as values',
      { event: { kind: 'value' }, per: 'value' },
      [value('row-1'), tick(5, 1), value('row-2', 6)],
      holds([0, 2]),
    ],
    ['time that goes by, which is nothing that comes', { event: {}, per: 'source' }, [state('a'), tick(3, 1)], holds([0])],
    ['nothing', { event: done }, [], { verdict: 'undecided', by: 'nothing', code: 'nothing-seen', evidence: [] }],
    [
      'requests sent again after a lost answer: whether the work was done is for the effects to tell',
      { event: { kind: 'request', method: 'POST' }, per: 'url', keys: ['http://a.test/orders'] },
      [request('1', 0, 'http://a.test/orders', 'POST'), lost('1', 5), request('2', 9, 'http://a.test/orders', 'POST')],
      twice([0, 2]),
    ],
    [
      'a call whose outcome is unknown is not one that came',
      { event: { kind: 'return', outcome: 'ok' }, per: 'call', keys: ['c'] },
      [state('running'), { event: { kind: 'return', call: 'c', outcome: 'unknown' }, at: 3, source: 'client', keys: undefined }],
      missing([]),
    ],
  ])('judges %s', (_name, args, steps, expected) => {
    expect(short(judged(exactlyOnce(args), steps, { closing: deadline(9) }))).toEqual(expected);
  });

  test('names the key, the missing ones, and how many came', () => {
    expect(judged(exactlyOnce({ event: done }), [message('é'), message('é')]).reason).toEqual({
      code: 'duplicate',
      key: 'é',
      times: 2,
    });
    expect(judged(exactlyOnce({ event: done, keys: ['1', '2', '3'] }), [message('2')]).reason).toMatchObject({
      keys: ['1', '3'],
    });
    expect(judged(exactlyOnce({ event: done }), [message('1'), message('2')]).reason).toMatchObject({ keys: 2 });
  });

  test('says so where nothing came, and where what came has no key', () => {
    const claim = exactlyOnce({ event: done });
    expect(told(claim, judged(claim, [state('running')]))).toBe('nothing of it came');
    const keyless = judged(claim, [message('1'), message(undefined), message(undefined)]);
    expect(told(claim, keyless)).toBe('what has no id came twice');
  });

  test('of observations seen through exchanges alone, too, the end decides', () => {
    const claim = exactlyOnce({ event: { kind: 'request' }, per: 'url' });
    expect(short(judged(claim, [request('1', 0, 'http://a.test/1')]))).toEqual({ ...holds([0]), by: 'observation' });
  });

  test('keeps the latest hundred as evidence, however many came', () => {
    const many = observed(Array.from({ length: 5000 }, (_, i) => message(`m${i}`, i)));
    const { evidence, reason } = judge(exactlyOnce({ event: done }), many);
    expect(evidence).toHaveLength(100);
    expect((evidence as Observation[]).at(-1)?.seq).toBe(4999);
    expect(reason).toMatchObject({ keys: 5000 });
  });

  test.each<[string, unknown, object]>([
    ['nothing', undefined, { code: 'invalid-pattern', hint: expect.stringContaining('exactlyOnce({ event:') }],
    ['a text as event', { event: 'message' }, { code: 'invalid-pattern' }],
    ['a list as event', { event: [] }, { code: 'invalid-formula', message: expect.stringContaining('expected an object') }],
    [
      'a regular expression in the event',
      { event: { type: /done/ } },
      {
        code: 'invalid-formula',
        message: expect.stringContaining('exactlyOnce.event.type: expected plain JSON, received RegExp'),
      },
    ],
    [
      'an unknown check',
      { event: { type: { $like: 'd' } } },
      { message: expect.stringContaining('there is no check {"$like":"d"}') },
    ],
    [
      'a number as per',
      { event: done, per: 5 },
      { code: 'invalid-argument', message: expect.stringContaining('as per, received 5') },
    ],
    ['an empty per', { event: done, per: '' }, { code: 'invalid-argument' }],
    [
      'a text as keys',
      { event: done, keys: 'A1' },
      { code: 'invalid-argument', message: expect.stringContaining('received "A1"') },
    ],
    ['numbers as keys', { event: done, keys: [1] }, { code: 'invalid-argument' }],
  ])('refuses %s', (_name, args, error) => {
    expect(refusal(() => exactlyOnce(args as ExactlyOnceArgs))).toMatchObject(error);
  });
});
