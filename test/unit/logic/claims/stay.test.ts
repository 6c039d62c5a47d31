import { describe, expect, test } from 'vitest';
import { stay } from '../../../../src/logic/index.ts';
import { standardLifecycle } from '../../../../src/trace/index.ts';
import { deadline, error, judged, refusal, short, state, tick, value, type Short, type Step } from '../seen.ts';

const claim = stay({ state: 'running', for: 100 });
const green = (evidence: number[]): Short => ({ verdict: 'holds', by: 'deadline', code: 'stayed', evidence });

describe('stay', () => {
  test.each<[string, Step[], Short]>([
    ['three looks', [state('running', 0), state('running', 50), state('running', 100)], green([2])],
    ['one look and quiet ones', [state('running', 0), tick(99, 12, 9)], green([0])],
    [
      'another state at first',
      [state('queued', 1), state('running', 2)],
      { verdict: 'violated', by: 'observation', code: 'not-there', evidence: [0] },
    ],
    [
      'another state later',
      [state('running', 1), state('running', 2), state('done', 60)],
      { verdict: 'violated', by: 'observation', code: 'left', evidence: [1, 2] },
    ],
    [
      'too few looks',
      [state('running', 1), state('running', 60)],
      { verdict: 'undecided', by: 'nothing', code: 'too-few-looks', evidence: [1] },
    ],
    [
      'looks enough, but none that found a state',
      [value(1, 1), value(2, 2), value('running', 4)],
      { verdict: 'undecided', by: 'nothing', code: 'not-yet', evidence: [] },
    ],
    [
      'one look, and then only such as failed',
      [state('running', 1), error(2), tick(99, 1694)],
      { verdict: 'undecided', by: 'nothing', code: 'looks-failed', evidence: [0] },
    ],
    [
      'a service that died, however often it was seen before',
      [state('running', 1), tick(50, 9), error(60), error(70)],
      { verdict: 'undecided', by: 'nothing', code: 'looks-failed', evidence: [0] },
    ],
    [
      'looks that failed for a while',
      [state('running', 1), error(2), tick(50, 9), state('running', 60), tick(99, 3)],
      green([3]),
    ],
    ['nothing', [], { verdict: 'undecided', by: 'nothing', code: 'nothing-seen', evidence: [] }],
  ])('judges %s', (_name, steps, expected) => {
    expect(short(judged(claim, steps, { closing: deadline(100) }))).toEqual(expected);
  });

  test('counts its time from when judging began', () => {
    const context = { since: 40 };
    expect(claim.start(context).due()).toBe(140);
    expect(claim.fromNow).toBe(true);
    expect(judged(claim, [state('running', 41), state('done', 60)], { context }).reason).toEqual({
      code: 'left',
      state: 'running',
      to: 'done',
      after: 20,
    });
  });

  test('tells how long after without the noise of floating point', () => {
    const steps = [state('running', 40.3), state('done', 60.3)];
    expect(judged(claim, steps, { context: { since: 40.1 } }).reason).toMatchObject({ code: 'left', after: 20.2 });
  });

  test('a wait that ended before its time decides nothing', () => {
    const steps = [state('running', 0), state('running', 10), state('running', 20), state('running', 30)];
    expect(judged(claim, steps, { closing: { by: 'aborted', at: 50 } })).toMatchObject({
      verdict: 'undecided',
      decidedBy: 'aborted',
      reason: { code: 'not-yet', wanted: 'running', last: 'running' },
      coverage: { looks: 4, largestGap: 10 },
    });
  });

  test('refuses bad arguments', () => {
    expect(claim.args).toEqual({ state: 'running', for: 100 });
    expect(claim.says).toBe("stay 'running' for 100ms");
    expect(refusal(() => stay({ state: '', for: 1 }))).toMatchObject({ code: 'invalid-state' });
    expect(refusal(() => stay({ state: 'a', for: '5 sec' as '5s' }))).toMatchObject({
      code: 'invalid-duration',
      message: expect.stringContaining('for: expected a duration, received "5 sec"'),
    });
    expect(refusal(() => stay({ state: 'runing', for: 1 }).start({ lifecycle: standardLifecycle, since: 0 }))).toMatchObject({
      code: 'unknown-state',
    });
  });
});
