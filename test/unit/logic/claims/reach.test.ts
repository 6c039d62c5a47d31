import { describe, expect, test } from 'vitest';
import { reach } from '../../../../src/logic/index.ts';
import { defineLifecycle, standardLifecycle } from '../../../../src/trace/index.ts';
import { deadline, error, failed, judged, refusal, short, state, succeeded, value, type Short, type Step } from '../seen.ts';

const forked = defineLifecycle({
  initial: 'new',
  moves: { new: ['left', 'right', 'fallback'], left: ['done'], right: ['done'], fallback: ['left'] },
  endings: { done: 'success' },
});

describe('reach', () => {
  test.each<[string, string, Step[], Short]>([
    [
      'the state',
      'running',
      [state('queued'), state('running', 3)],
      { verdict: 'holds', by: 'observation', code: 'reached', evidence: [1] },
    ],
    ['an ending that was wanted', 'failed', [failed(3)], { verdict: 'holds', by: 'observation', code: 'reached', evidence: [0] }],
    [
      'another ending',
      'running',
      [state('queued'), succeeded(3), state('running', 4)],
      { verdict: 'violated', by: 'observation', code: 'ended-otherwise', evidence: [1] },
    ],
    [
      'a name of any script',
      '実行中',
      [state('実行中')],
      { verdict: 'holds', by: 'observation', code: 'reached', evidence: [0] },
    ],
    [
      'a name written otherwise, which is another',
      'Running',
      [state('running')],
      { verdict: 'violated', by: 'deadline', code: 'not-yet', evidence: [0] },
    ],
    ['errors only', 'running', [error()], { verdict: 'violated', by: 'deadline', code: 'not-yet', evidence: [] }],
    [
      'a value, which is no state',
      'running',
      [value('running')],
      { verdict: 'violated', by: 'deadline', code: 'not-yet', evidence: [] },
    ],
    ['nothing', 'running', [], { verdict: 'undecided', by: 'nothing', code: 'nothing-seen', evidence: [] }],
  ])('judges %s', (_name, wanted, steps, expected) => {
    expect(short(judged(reach({ state: wanted }), steps, { closing: deadline(9) }))).toEqual(expected);
  });

  test.each<[string, Step[], object]>([
    ['from where there is no way', [state('new'), state('right', 2)], { code: 'unreachable', from: 'right', wanted: 'left' }],
    ['from where there is one by way of another', [state('new'), state('fallback', 2)], { code: 'not-yet', last: 'fallback' }],
    ['a state that the lifecycle does not know: nothing follows from it', [state('odd')], { code: 'not-yet', last: 'odd' }],
    ['a state that objects inherit', [state('constructor'), state('__proto__', 1)], { code: 'not-yet', last: '__proto__' }],
  ])('knows by the lifecycle %s', (_name, steps, reason) => {
    const context = { lifecycle: forked, since: 0 };
    const judgement = judged(reach({ state: 'left' }), steps, { context, closing: deadline(9) });
    expect(judgement.reason).toMatchObject(reason);
    expect(judgement.decidedBy).toBe(judgement.reason.code === 'unreachable' ? 'observation' : 'deadline');
  });

  test('refuses a state that the lifecycle does not have, with the nearest', () => {
    const start = (name: string) => () => reach({ state: name }).start({ lifecycle: standardLifecycle, since: 0 });
    expect(refusal(start('runing'))).toMatchObject({
      code: 'unknown-state',
      message: expect.stringContaining("did you mean 'running'?"),
      hint: "it has 'queued', 'running', 'succeeded', 'failed', 'cancelled'",
    });
    expect(refusal(start('x'))).toMatchObject({ message: expect.not.stringContaining('did you mean') });
  });

  test.each([[undefined], [''], [5], [5n], [Symbol('s')], [['running']]])('refuses %s as a state', (name) => {
    expect(refusal(() => reach({ state: name as string }))).toMatchObject({
      code: 'invalid-state',
      message: expect.stringContaining('reach: expected the name of a state, received'),
      hint: "write it as text, as in reach('running')",
    });
  });
});
