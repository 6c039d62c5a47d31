import { describe, expect, test } from 'vitest';
import { neverReach } from '../../../../src/logic/index.ts';
import { standardLifecycle } from '../../../../src/trace/index.ts';
import { deadline, error, judged, message, refusal, short, state, tick, value, type Short, type Step } from '../seen.ts';

const claim = neverReach({ state: 'failed', for: '0.1s' });

describe('neverReach', () => {
  test.each<[string, Step[], Short]>([
    [
      'other states',
      [state('queued', 0), state('running', 50), state('done', 100)],
      { verdict: 'holds', by: 'deadline', code: 'never-reached', evidence: [2] },
    ],
    [
      'quiet looks',
      [state('queued', 0), tick(80, 9, 9)],
      { verdict: 'holds', by: 'deadline', code: 'never-reached', evidence: [0] },
    ],
    [
      'values, which are not the state, beside a state',
      [state('a', 0), value('failed', 1), value(2, 2)],
      { verdict: 'holds', by: 'deadline', code: 'never-reached', evidence: [2] },
    ],
    [
      'values alone, which tell no state',
      [value({ phase: 'failed' }, 0), value(1, 1), value(2, 2)],
      { verdict: 'undecided', by: 'nothing', code: 'not-yet', evidence: [2] },
    ],
    [
      'looks of which too many failed',
      [state('a', 0), error(1), tick(90, 1694)],
      { verdict: 'undecided', by: 'nothing', code: 'looks-failed', evidence: [0] },
    ],
    [
      'a last look that failed',
      [state('a', 0), tick(20, 2), error(90)],
      { verdict: 'undecided', by: 'nothing', code: 'looks-failed', evidence: [0] },
    ],
    [
      'looks that failed between',
      [state('a', 0), error(10), tick(20, 5), state('a', 30), tick(90, 2)],
      { verdict: 'holds', by: 'deadline', code: 'never-reached', evidence: [3] },
    ],
    [
      'the state, once, also after the end',
      [state('done', 1, { ending: 'success' }), state('failed', 2), state('done', 3)],
      { verdict: 'violated', by: 'observation', code: 'reached-forbidden', evidence: [1] },
    ],
    ['too few looks', [state('a', 0)], { verdict: 'undecided', by: 'nothing', code: 'too-few-looks', evidence: [0] }],
    [
      'looks that all failed',
      [error(0), error(1), error(2)],
      { verdict: 'undecided', by: 'nothing', code: 'looks-failed', evidence: [] },
    ],
    [
      'messages only, which tell no state',
      [message('1'), message('2'), message('3')],
      { verdict: 'undecided', by: 'nothing', code: 'not-yet', evidence: [] },
    ],
    ['nothing', [], { verdict: 'undecided', by: 'nothing', code: 'nothing-seen', evidence: [] }],
  ])('judges %s', (_name, steps, expected) => {
    expect(short(judged(claim, steps, { closing: deadline(100) }))).toEqual(expected);
  });

  test('counts its time from when judging began', () => {
    expect(claim.start({ since: 7 }).due()).toBe(107);
    expect(judged(claim, [state('failed', 9)], { context: { since: 7 } }).reason).toEqual({
      code: 'reached-forbidden',
      state: 'failed',
      after: 2,
    });
    expect({ fromNow: claim.fromNow, says: claim.says }).toEqual({ fromNow: true, says: "never reach 'failed' for 100ms" });
  });

  test('tells how long after without the noise of floating point', () => {
    expect(judged(claim, [state('failed', 60.3)], { context: { since: 40.1 } }).reason).toMatchObject({ after: 20.2 });
  });

  test('refuses bad arguments', () => {
    expect(refusal(() => neverReach({ state: 5 as unknown as string, for: 1 }))).toMatchObject({ code: 'invalid-state' });
    expect(refusal(() => neverReach({ state: 'a', for: -1 }))).toMatchObject({ code: 'invalid-duration' });
    expect(refusal(() => neverReach({ state: 'fail', for: 1 }).start({ lifecycle: standardLifecycle, since: 0 }))).toMatchObject({
      code: 'unknown-state',
      message: expect.stringContaining("did you mean 'failed'?"),
    });
  });
});
