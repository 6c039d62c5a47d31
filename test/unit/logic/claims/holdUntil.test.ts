import { describe, expect, test } from 'vitest';
import { standardLifecycle } from '../../../../src/trace/index.ts';
import { holdUntil, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, error, judged, message, note, refusal, state, tick, told, type Step } from '../seen.ts';

describe('holdUntil', () => {
  test.each<[string, Step[], Closing, string]>([
    [
      'the one, then the other',
      [state('queued'), state('queued', 3), state('running', 5)],
      deadline(9),
      'holds by observation: came-to-it [2]',
    ],
    ['the other at once', [state('running')], deadline(9), 'holds by observation: came-to-it [0]'],
    ['something else between', [state('queued'), state('paused', 3)], deadline(9), 'violated by observation: neither [0,1]'],
    ['something else at once', [state('paused')], deadline(9), 'violated by observation: neither [0]'],
    ['the one alone', [state('queued'), tick(5, 3)], deadline(9), 'violated by deadline: not-come-to-it [0]'],
    [
      'what is no state, which breaks nothing',
      [state('queued'), error(1), note(1), message('1'), state('running', 5)],
      end(9),
      'holds by observation: came-to-it [4]',
    ],
  ])('judges %s', (_name, steps, closing, expected) => {
    expect(brief(judged(holdUntil({ first: 'queued', then: 'running' }), steps, { closing }))).toBe(expected);
  });

  test('takes patterns of anything that is seen', () => {
    const claim = holdUntil({ first: { kind: 'message', 'data.ok': true }, then: { kind: 'message', 'data.last': true } });
    expect(judged(claim, [state('x'), message('1', 0, { ok: true }), message('2', 1, { last: true })]).verdict).toBe('holds');
    expect(told(claim, judged(claim, [message('1', 7, {})]))).toBe(`it was '1' after 7ms, before it was {"data.last":true}`);
  });

  test('refuses a state that the lifecycle does not have, with the nearest', () => {
    const context = { since: 0, lifecycle: standardLifecycle };
    expect(refusal(() => holdUntil({ first: 'qeued', then: 'running' }).start(context))).toMatchObject({
      code: 'unknown-state',
      message: expect.stringContaining("did you mean 'queued'?") as string,
    });
  });
});
