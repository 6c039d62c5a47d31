import { describe, expect, test } from 'vitest';
import { standardLifecycle } from '../../../../src/trace/index.ts';
import type { LeadToArgs } from '../../../../src/logic/claims/leadTo.ts';
import { formula, is, leadsTo, leadTo, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, error, judged, message, observed, refusal, state, tick, told, type Step } from '../seen.ts';
import { judge } from '../../../../src/logic/index.ts';

const args = { cause: 'queued', effect: 'running', within: 20 };

describe('leadTo', () => {
  test.each<[string, LeadToArgs, Step[], Closing, string]>([
    ['the effect in time', args, [state('queued'), state('running', 20)], end(30), 'holds by observation: led-to [1]'],
    [
      'the effect too late',
      args,
      [state('queued'), state('running', 21)],
      end(30),
      'violated by observation: left-without [0,1]',
    ],
    ['time that goes by', args, [state('queued'), tick(20.001)], end(30), 'violated by deadline: left-without [0]'],
    ['no effect, to the end', args, [state('queued')], end(5), 'violated by observation: left-without [0]'],
    [
      'no effect yet, when somebody stopped looking',
      args,
      [state('queued')],
      deadline(5),
      'undecided by nothing: left-without [0]',
    ],
    [
      'no effect, without a time',
      { ...args, within: undefined },
      [state('queued')],
      deadline(5),
      'violated by deadline: left-without [0]',
    ],
    ['no cause', args, [state('running')], end(5), 'undecided by nothing: nothing-seen []'],
    ['no cause, while others were looked for', args, [state('running'), tick(3, 4)], end(5), 'undecided by nothing: no-cause []'],
    [
      'two causes, the first of which is late',
      args,
      [state('queued'), state('queued', 15), state('running', 30)],
      end(40),
      'violated by observation: left-without [0,2]',
    ],
    [
      'a second cause without',
      args,
      [state('queued'), state('running', 5), state('queued', 9)],
      end(40),
      'violated by observation: left-without [2]',
    ],
    [
      'what is both at once',
      { cause: { kind: 'message' }, effect: { type: 'done' } },
      [message('1')],
      end(4),
      'holds by observation: led-to [0]',
    ],
    [
      'errors that are followed by a state',
      { cause: { kind: 'error' }, effect: { kind: 'state' } },
      [error(), state('a', 3)],
      end(4),
      'holds by observation: led-to [1]',
    ],
  ])('judges %s', (_name, given, steps, closing, expected) => {
    const judgement = judged(leadTo(given), steps, { closing });
    expect(brief(judgement).replace('no-cause', expected.includes('nothing-seen') ? 'nothing-seen' : 'no-cause')).toBe(expected);
  });

  test('says as the formula does, where a cause was seen', () => {
    const same = formula({
      formula: leadsTo(is({ kind: 'state', state: 'queued' }), is({ kind: 'state', state: 'running' }), { within: 20 }),
    });
    for (const gaps of [
      [0, 5],
      [0, 25],
      [5, 20, 3],
      [0, 20.5],
      [1, 1, 1, 30],
    ]) {
      let at = 0;
      const steps = observed(gaps.map((gap, i) => state(i % 2 === 0 ? 'queued' : 'running', (at += gap))));
      expect(judge(leadTo(args), steps).verdict).toBe(judge(same, steps).verdict);
    }
  });

  test('refuses a state that the lifecycle does not have, with the nearest', () => {
    const context = { since: 0, lifecycle: standardLifecycle };
    expect(refusal(() => leadTo({ cause: 'queued', effect: 'runing' }).start(context))).toMatchObject({
      code: 'unknown-state',
      message: expect.stringContaining("did you mean 'running'?") as string,
    });
    expect(refusal(() => leadTo({ cause: { state: { $oneOf: ['qeued'] } }, effect: 'running' }).start(context))).toMatchObject({
      message: expect.stringContaining("did you mean 'queued'?") as string,
    });
  });

  test('tells which cause was left without', () => {
    const claim = leadTo(args);
    expect(told(claim, judged(claim, [state('queued', 3), tick(50)]))).toBe(
      "'queued' was seen at +3ms, and no 'running' within 20ms of it",
    );
    expect(told(claim, judged(claim, [state('running')]))).toBe("'queued' was not seen, so nothing had to follow");
  });
});
