import { describe, expect, test } from 'vitest';
import { sameStory } from '../../../../src/logic/index.ts';
import { standardLifecycle } from '../../../../src/trace/index.ts';
import { deadline, failed, judged, message, note, short, state, succeeded, type Short, type Step } from '../seen.ts';

const hook = (name: string, at: number, told: object = {}): Step => state(name, at, told, 'webhook');
const holds = (evidence: number[]): Short => ({ verdict: 'holds', by: 'observation', code: 'same-story', evidence });
const broken = (code: string, evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code, evidence });

describe('sameStory', () => {
  test.each<[string, Step[], Short]>([
    ['one channel that ends', [state('queued'), succeeded(5)], holds([1])],
    ['two that end alike', [state('queued'), succeeded(5), succeeded(6, undefined, 'webhook')], holds([1, 2])],
    [
      'a channel that missed states',
      [state('queued'), state('running', 2), succeeded(5), succeeded(6, undefined, 'webhook')],
      holds([2, 3]),
    ],
    [
      'states seen by one alone, between those of the other',
      [state('a'), hook('b', 1), state('c', 2), succeeded(3), succeeded(3, undefined, 'webhook')],
      holds([3, 4]),
    ],
    ['the end told twice', [succeeded(5), succeeded(6), succeeded(7, undefined, 'webhook')], holds([0, 2])],
    [
      'the start’s own answer, which is the monitor’s first word',
      [state('queued', 0, {}, 'start'), state('running', 1), succeeded(2)],
      holds([2]),
    ],
    [
      'different names for one ending',
      [state('done', 1, { ending: 'success' }), hook('finished', 2, { ending: 'success' })],
      holds([0, 1]),
    ],
    [
      'results with their members in another order',
      [succeeded(1, { a: 1, b: { c: [1], d: 2 } }), succeeded(2, { b: { d: 2, c: [1] }, a: 1 }, 'webhook')],
      holds([0, 1]),
    ],
    ['a result that one leaves out', [succeeded(1, { a: 1 }), succeeded(2, undefined, 'webhook')], holds([0, 1])],
    [
      'a state come back to: its order says nothing',
      [state('a'), state('b'), state('a'), hook('b', 3), hook('a', 4), succeeded(5), succeeded(6, undefined, 'webhook')],
      holds([5, 6]),
    ],
    [
      'a state that the other came back to',
      [
        state('b'),
        state('a'),
        state('c'),
        state('a'),
        hook('a', 3),
        hook('b', 4),
        succeeded(5),
        succeeded(6, undefined, 'webhook'),
      ],
      holds([6, 7]),
    ],
    [
      'a state that it came back to itself before',
      [
        state('b'),
        state('a'),
        hook('a', 3),
        hook('c', 3),
        hook('a', 3),
        hook('b', 4),
        succeeded(5),
        succeeded(6, undefined, 'webhook'),
      ],
      holds([6, 7]),
    ],
    ['another result', [succeeded(1, { a: 1 }), succeeded(2, { a: 2 }, 'webhook')], broken('different-result', [0, 1])],
    [
      'results in another order of a list',
      [succeeded(1, [1, 2]), succeeded(2, [2, 1], 'webhook')],
      broken('different-result', [0, 1]),
    ],
    [
      'a result that is null, and one that is not',
      [succeeded(1, null), succeeded(2, 0, 'webhook')],
      broken('different-result', [0, 1]),
    ],
    [
      'members that only look like what objects inherit',
      [succeeded(1, JSON.parse('{"__proto__":1}')), succeeded(2, JSON.parse('{"__proto__":2}'), 'webhook')],
      broken('different-result', [0, 1]),
    ],
    ['one channel that changes its result', [succeeded(1, { a: 1 }), succeeded(2, { a: 2 })], broken('different-result', [0, 1])],
    [
      'a result that came only with the second telling',
      [succeeded(1), succeeded(2, { a: 1 }), succeeded(3, { a: 2 }, 'webhook')],
      broken('different-result', [1, 2]),
    ],
    ['another ending', [succeeded(1), failed(2, undefined, 'webhook')], broken('different-ending', [0, 1])],
    ['a state after the end', [succeeded(1), state('running', 2)], broken('after-the-end', [0, 1])],
    ['another end after the end', [failed(1), succeeded(2)], broken('after-the-end', [0, 1])],
    ['another order', [state('a'), state('b', 1), hook('b', 2), hook('a', 3)], broken('different-order', [2, 3, 0, 1])],
    [
      'another order, with others between',
      [state('a'), state('x', 1), state('b', 2), hook('b', 3), hook('y', 4), hook('a', 5)],
      broken('different-order', [3, 5, 0, 2]),
    ],
    ['unicode', [state('①'), state('②', 1), hook('②', 2), hook('①', 3)], broken('different-order', [2, 3, 0, 1])],
    ['a channel that never ends', [hook('running', 1), succeeded(2)], broken('silent-channel', [1])],
    ['no end at all', [state('running')], broken('silent-channel', [])],
    [
      'a channel that tells only what is no state',
      [message('1'), note()],
      { verdict: 'violated', by: 'observation', code: 'silent-channel', evidence: [] },
    ],
    ['nothing', [note()], { verdict: 'undecided', by: 'nothing', code: 'nothing-seen', evidence: [] }],
  ])('judges %s', (_name, steps, expected) => {
    expect(short(judged(sameStory(), steps))).toEqual(expected);
  });

  test('names the channels, states and results', () => {
    expect(judged(sameStory(), [succeeded(1, { a: 1 }), succeeded(2, { a: 2 }, 'webhook')]).reason).toEqual({
      code: 'different-result',
      channel: 'webhook',
      other: 'monitor',
      results: [{ a: 2 }, { a: 1 }],
    });
    expect(judged(sameStory(), [succeeded(1), failed(2, undefined, 'webhook')]).reason).toEqual({
      code: 'different-ending',
      channels: { webhook: 'failed', monitor: 'succeeded' },
    });
    expect(judged(sameStory(), [state('a'), state('b'), hook('b', 2), hook('a', 3)]).reason).toEqual({
      code: 'different-order',
      channel: 'webhook',
      other: 'monitor',
      states: ['b', 'a'],
    });
    expect(judged(sameStory(), [succeeded(1), state('running', 2)]).reason).toEqual({
      code: 'after-the-end',
      channel: 'monitor',
      state: 'running',
      end: 'succeeded',
    });
    expect(judged(sameStory(), [hook('a', 1), succeeded(2)], { closing: deadline(9) })).toMatchObject({
      decidedBy: 'deadline',
      reason: { code: 'silent-channel', channels: ['webhook'] },
    });
  });

  test('takes the lifecycle’s word for what ends, and no other’s', () => {
    const context = { lifecycle: standardLifecycle, since: 0 };
    expect(short(judged(sameStory(), [state('succeeded'), hook('succeeded', 1)], { context })).code).toBe('same-story');
    expect(short(judged(sameStory(), [state('constructor')], { context })).code).toBe('silent-channel');
  });

  test('where it is known who is to tell, it is decided without the end of what can be seen', () => {
    const context = { since: 0, channels: ['monitor', 'webhook'] };
    const told = [succeeded(5), succeeded(6, undefined, 'webhook')];
    const tick = (at: number): Step => ({ event: { kind: 'tick' }, at, source: 'watch', keys: undefined });
    expect(short(judged(sameStory({ quiet: 0 }), told, { context }))).toEqual(holds([0, 1]));
    expect(short(judged(sameStory(), [...told, tick(105), tick(106)], { context, closing: deadline(500) }))).toEqual({
      ...holds([0, 1]),
      by: 'deadline',
    });
    expect(judged(sameStory(), [...told, tick(106), hook('running', 107)], { context }).verdict).toBe('holds');
    expect(short(judged(sameStory(), [...told, tick(105), hook('running', 106)], { context })).code).toBe('after-the-end');
  });

  test('where it is known who is to tell, a silent one is held against it, and one of values is not', () => {
    const context = { since: 0, channels: ['monitor', 'webhook', 'rows'] };
    const rows: Step = { event: { kind: 'value', value: 3 }, at: 1, source: 'rows', keys: undefined };
    expect(judged(sameStory(), [succeeded(5), rows], { context, closing: deadline(9) })).toMatchObject({
      verdict: 'violated',
      decidedBy: 'deadline',
      reason: { code: 'silent-channel', channels: ['webhook'] },
    });
    const both = [rows, succeeded(5), hook('succeeded', 6, { ending: 'success' })];
    expect(judged(sameStory({ quiet: 0 }), both, { context }).verdict).toBe('holds');
    const open = judged(sameStory(), [rows, succeeded(5), hook('running', 6)], { context, closing: deadline(9) });
    expect(open.reason).toMatchObject({ channels: ['webhook'], heard: { webhook: 'running' } });
  });

  test('refuses a quiet time that is none', () => {
    expect(() => sameStory({ quiet: -1 })).toThrow(/sameStory: expected quiet to be a number from 0, received -1/);
  });

  test('a channel that flaps for ever costs little', () => {
    const judging = sameStory().start({ since: 0 });
    for (let seq = 0; seq < 40_000; seq++) {
      const at = { at: seq, seq, source: seq % 4 < 2 ? 'monitor' : 'webhook' };
      judging.step({ kind: 'state', state: seq % 2 === 0 ? 'a' : 'b', ...at });
    }
    expect(judging.judgement().verdict).toBe('undecided');
  });
});
