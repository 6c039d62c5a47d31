import { describe, expect, test } from 'vitest';
import type { DeliverArgs } from '../../../../src/logic/claims/deliver.ts';
import { deliver, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, error, judged, listening, message, refusal, state, tick, told, type Step } from '../seen.ts';

const done = 'done';

test('a misspelt argument is no claim', () => {
  expect(refusal(() => deliver({ event: 'done', time: 1 } as never))).toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(
      'deliver: expected no more than event, times, atLeast, atMost, per, settle, received {"time":',
    ),
    hint: "did you mean 'times'?",
  });
});

describe('deliver', () => {
  test.each<[string, DeliverArgs, Step[], Closing, string]>([
    ['one', { event: done }, [message('1', 3)], deadline(9), 'holds by observation: delivered [0]'],
    ['none, while nobody looked', { event: done }, [], deadline(9), 'undecided by nothing: nothing-seen []'],
    ['none, while it was listened', { event: done }, [], listening(9), 'violated by deadline: too-few []'],
    ['none, to the end', { event: done }, [state('succeeded')], end(9), 'violated by observation: too-few []'],
    ['another', { event: 'paid' }, [message('1')], deadline(9), 'violated by deadline: too-few []'],
    ['two of two', { event: done, atLeast: 2 }, [message('1'), message('2')], deadline(9), 'holds by observation: delivered [1]'],
    [
      'one twice, of two',
      { event: done, atLeast: 2 },
      [message('1'), message('1')],
      deadline(9),
      'violated by deadline: too-few [0]',
    ],
    [
      'just two, and time went by',
      { event: done, times: 2 },
      [message('1'), message('2', 5), tick(205)],
      deadline(400),
      'holds by deadline: delivered [1]',
    ],
    [
      'just two, and the end',
      { event: done, times: 2 },
      [message('1'), message('2', 5)],
      end(6),
      'holds by observation: delivered [1]',
    ],
    [
      'just two, too late to be sure',
      { event: done, times: 2 },
      [message('1'), message('2', 5)],
      deadline(9),
      'undecided by nothing: unsettled [1]',
    ],
    [
      'three for two',
      { event: done, times: 2 },
      [message('1'), message('2'), message('3', 5)],
      deadline(9),
      'violated by observation: too-many [2]',
    ],
    [
      'one again, at once',
      { event: done, times: 2 },
      [message('1'), message('1', 5)],
      deadline(9),
      'violated by observation: twice [0,1]',
    ],
    [
      'one again, that is another by what tells them apart',
      { event: done, times: 2, per: 'data.n', settle: 1 },
      [message('1', 0, { n: 1 }), message('1', 5, { n: 2 }), tick(7)],
      deadline(9),
      'holds by deadline: delivered [1]',
    ],
    [
      'a third one after the settling time',
      { event: done, times: 2, settle: 10 },
      [message('1'), message('2', 5), message('3', 15)],
      deadline(99),
      'holds by observation: delivered [1]',
    ],
    [
      'two of at most two',
      { event: done, atMost: 2 },
      [message('1'), message('1')],
      deadline(9),
      'holds by deadline: delivered [1]',
    ],
    [
      'three of at most two',
      { event: done, atMost: 2 },
      [message('1'), message('1'), message('1')],
      deadline(9),
      'violated by observation: too-many [2]',
    ],
    ['none of at most none', { event: done, atMost: 0 }, [], listening(9), 'holds by deadline: delivered []'],
    [
      'none of at most none, where all looks failed',
      { event: done, atMost: 0 },
      [error(), tick(5, 3)],
      deadline(9),
      'undecided by nothing: delivered []',
    ],
    [
      'states, where they are asked for',
      { event: { kind: 'state', state: 'running' } },
      [state('running')],
      deadline(9),
      'holds by observation: delivered [0]',
    ],
  ])('judges %s', (_name, args, steps, closing, expected) => {
    expect(brief(judged(deliver(args), steps, { closing }))).toBe(expected);
  });

  test.each<[DeliverArgs, Step[], Closing, string]>([
    [{ event: 'paid' }, [], listening(9), "'paid' was not delivered"],
    [{ event: done, atLeast: 3 }, [message('1')], end(9), "'done' was delivered only once"],
    [{ event: done, times: 1 }, [message('1'), message('2')], end(9), "'done' was delivered twice"],
    [
      { event: done, times: 3 },
      [message('1'), message('1', 40)],
      end(99),
      "'done' was delivered again: '1' came 40ms after the first time",
    ],
    [
      { event: done, times: 1 },
      [message('1')],
      deadline(9),
      "'done' was delivered once so late that it could not be watched for 200ms more",
    ],
    [
      { event: { type: 'done', 'data.sum': 7 } },
      [message('1', 3, { sum: 6 })],
      deadline(9),
      `{"type":"done","data.sum":7} was not delivered\n'1' at +3ms: data.sum is 6, not 7`,
    ],
  ])('tells of %j', (args, steps, closing, expected) => {
    const claim = deliver(args);
    expect(told(claim, judged(claim, steps, { closing }))).toBe(expected);
  });

  test('says how often, and for how long it watches on', () => {
    expect(deliver({ event: done }).says).toBe("deliver 'done'");
    expect(deliver({ event: done, times: 2 }).says).toBe("deliver 'done' exactly twice (and not again for 200ms)");
    expect(deliver({ event: done, atMost: 0 }).says).toBe("deliver 'done' not once");
    expect(deliver({ event: { type: 'done', 'data.n': 1 }, atLeast: 3 }).says).toBe(
      'deliver {"type":"done","data.n":1} at least 3 times',
    );
  });
});
