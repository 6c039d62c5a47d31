import { describe, expect, test } from 'vitest';
import { passThrough } from '../../../../src/logic/index.ts';
import { defineLifecycle, standardLifecycle } from '../../../../src/trace/index.ts';
import {
  deadline,
  error,
  failed,
  judged,
  refusal,
  short,
  state,
  succeeded,
  tick,
  value,
  type Short,
  type Step,
} from '../seen.ts';

const green = (evidence: number[]): Short => ({ verdict: 'holds', by: 'observation', code: 'passed-through', evidence });
const red = (by: Short['by'], evidence: number[]): Short => ({ verdict: 'violated', by, code: 'missed-state', evidence });

describe('passThrough', () => {
  test.each<[string, string[], Step[], Short]>([
    ['all in order', ['queued', 'running', 'succeeded'], [state('queued'), state('running', 1), succeeded(2)], green([0, 1, 2])],
    ['others between', ['a', 'c'], [state('a'), state('b'), state('a'), state('c')], green([0, 1, 2, 3])],
    ['repeated looks at one state', ['a', 'b'], [state('a'), state('a', 1), state('b', 2)], green([0, 2])],
    ['one state, the first', ['a'], [state('a')], green([0])],
    ['an ending that is the last', ['a', 'failed'], [state('a'), failed(1)], green([0, 1])],
    ['a state twice, which was left between', ['a', 'b', 'a'], [state('a'), state('b'), state('a')], green([0, 1, 2])],
    ['a state twice, which was only looked at twice', ['a', 'a'], [state('a'), state('a', 1)], red('deadline', [0])],
    ['another order', ['b', 'a'], [state('a'), state('b', 1)], red('deadline', [0, 1])],
    ['an end before all were seen', ['a', 'b', 'c'], [state('a'), succeeded(3), state('b', 4)], red('observation', [0, 1])],
    ['an end in the midst', ['succeeded', 'running'], [succeeded(3), state('running', 4)], red('observation', [0])],
    ['values and errors only', ['a'], [value('a'), error(1)], red('deadline', [])],
    ['nothing', ['a'], [], { verdict: 'undecided', by: 'nothing', code: 'nothing-seen', evidence: [] }],
    ['unicode', ['①', '②'], [state('①'), state('②')], green([0, 1])],
  ])('judges %s', (_name, states, steps, expected) => {
    expect(short(judged(passThrough({ states }), steps, { closing: deadline(9) }))).toEqual(expected);
  });

  test('tells what is missing, what was seen, and the gap between two looks in which it may have hidden', () => {
    const steps = [state('queued'), tick(40, 3), state('queued', 50), tick(70, 2), succeeded(90.5)];
    expect(judged(passThrough({ states: ['queued', 'running', 'succeeded'] }), steps).reason).toEqual({
      code: 'missed-state',
      missing: 'running',
      seen: ['queued', 'succeeded'],
      wanted: ['queued', 'running', 'succeeded'],
      between: 20.5,
    });
    expect(judged(passThrough({ states: ['a', 'b'] }), [succeeded()]).reason).not.toHaveProperty('between');
  });

  test('is decided as soon as the lifecycle has no way to what is missing', () => {
    const context = { lifecycle: standardLifecycle, since: 0 };
    const claim = passThrough({ states: ['running', 'queued'] });
    expect(short(judged(claim, [state('queued'), state('running', 1), state('queued', 2)], { context }))).toEqual(
      red('observation', [0, 1]),
    );
    const odd = defineLifecycle({ initial: 'a', moves: { a: ['b'] }, endings: { b: 'success' } });
    expect(
      short(
        judged(passThrough({ states: ['a', 'b'] }), [state('toString'), state('a', 1), state('b', 2)], {
          context: { lifecycle: odd, since: 0 },
        }),
      ),
    ).toEqual(green([0, 1, 2]));
  });

  test('a monitor that flaps for ever costs little', () => {
    const flapping = Array.from({ length: 20_000 }, (_, i) => state(i % 2 === 0 ? 'a' : 'b', i));
    const judging = passThrough({ states: ['a', 'b', 'c'] }).start({ since: 0 });
    flapping.forEach(({ event, at, source }, seq) => judging.step({ ...event, at, source, seq }));
    const { reason, evidence } = judging.judgement();
    expect(reason).toMatchObject({ missing: 'c', leftOut: 19_900 });
    // The first half and the latest: what came before, and what it came to.
    const first = Array.from({ length: 50 }, (_, i) => i);
    const places = [...first, ...first.map((i) => 19_950 + i)];
    expect(evidence.map(({ seq }) => seq)).toEqual(places);
    expect(reason['seen']).toEqual(places.map((seq) => (seq % 2 === 0 ? 'a' : 'b')));
  });

  test('refuses what is no list of states, and a state that does not exist', () => {
    for (const states of [undefined, [], 'queued', {}, 5n]) {
      expect(refusal(() => passThrough({ states: states as string[] }))).toMatchObject({
        code: 'invalid-state',
        message: expect.stringContaining('passThrough: expected a list of states in order, received'),
        hint: expect.stringContaining("passThrough(['queued', 'running', 'succeeded'])"),
      });
    }
    expect(refusal(() => passThrough({ states: ['a', ''] }))).toMatchObject({ code: 'invalid-state' });
    const start = (): unknown => passThrough({ states: ['queued', 'runing'] }).start({ lifecycle: standardLifecycle, since: 0 });
    expect(refusal(start)).toMatchObject({ code: 'unknown-state', message: expect.stringContaining("'running'?") });
  });

  test('keeps the list it was given', () => {
    const states = ['a'];
    const claim = passThrough({ states });
    states.push('b');
    expect(claim.args).toEqual({ states: ['a'] });
  });
});
