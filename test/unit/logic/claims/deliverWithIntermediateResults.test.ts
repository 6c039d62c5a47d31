import { describe, expect, test } from 'vitest';
import type { IntermediateArgs } from '../../../../src/logic/claims/deliverWithIntermediateResults.ts';
import { deliverWithIntermediateResults, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, failed, judged, state, succeeded, tick, told, type Step } from '../seen.ts';

const part = (lines: unknown[], at = 0, more: object = {}): Step => state('running', at, { partial: { lines, ...more } });
const whole = (lines: unknown[], at = 9): Step => succeeded(at, { lines, total: 7 });

describe('deliverWithIntermediateResults', () => {
  test.each<[string, IntermediateArgs | undefined, Step[], Closing, string]>([
    [
      'parts that go on, and the whole',
      undefined,
      [part([1]), part([1, 2], 3), whole([1, 2, 3])],
      deadline(9),
      'holds by observation: partials-and-result [1,2]',
    ],
    [
      'parts as the body tells them',
      undefined,
      [state('running', 0, { raw: { partial: { lines: [1] } } }), whole([1])],
      deadline(9),
      'holds by observation: partials-and-result [0,1]',
    ],
    [
      'one part, of two',
      { atLeast: 2 },
      [part([1]), part([1], 3), whole([1, 2])],
      deadline(9),
      'violated by observation: too-few-partials [0,2]',
    ],
    ['no part', undefined, [state('running'), whole([1])], deadline(9), 'violated by observation: too-few-partials [1]'],
    [
      'a part that is taken back',
      undefined,
      [part([1, 2]), part([1], 3)],
      deadline(9),
      'violated by observation: taken-back [0,1]',
    ],
    [
      'a whole that does not begin as the part did',
      undefined,
      [part([1, 2]), whole([1, 3, 2])],
      deadline(9),
      'violated by observation: taken-back [0,1]',
    ],
    [
      'a success without a result',
      undefined,
      [part([1]), succeeded(5)],
      deadline(9),
      'violated by observation: no-final-result [0,1]',
    ],
    ['a failure', undefined, [part([1]), failed(5)], deadline(9), 'violated by observation: partial-ended-otherwise [1]'],
    ['no end', undefined, [part([1]), tick(9, 4)], deadline(9), 'violated by deadline: partial-not-ended [0]'],
    [
      'two channels, each with its own parts',
      { atLeast: 2 },
      [part([1, 2]), state('running', 1, { partial: { lines: [1] } }, 'hook'), whole([1, 2])],
      deadline(9),
      'holds by observation: partials-and-result [0,2]',
    ],
  ])('judges %s', (_name, args, steps, closing, expected) => {
    expect(brief(judged(deliverWithIntermediateResults(args), steps, { closing }))).toBe(expected);
  });

  test.each<[unknown, unknown, string | undefined]>([
    ['text', 'text and more', undefined],
    [1, 2, undefined],
    [false, true, undefined],
    [null, { a: 1 }, undefined],
    [{ a: 1 }, { a: 1, b: 2 }, undefined],
    [[{ a: 1 }], [{ a: 1, b: 2 }, 3], undefined],
    ['text', 'tex', 'changed'],
    [2, 1, 'fell'],
    [true, false, 'changed'],
    [{ a: 1 }, { b: 1 }, 'a is gone'],
    [[1, 2], [1], 'got shorter'],
    [[{ a: [1] }], [{ a: [2, 3] }], '[0].a[0] changed'],
    [[{ done: false }], [{ done: true }], undefined],
    [{ rows: 1 }, { rows: 2 }, undefined],
    [[{ a: ['x'] }], [{ a: ['y'] }], '[0].a[0] changed'],
    [{ a: 1 }, [1], 'changed'],
  ])('takes %j, then %j', (before, after, wrong) => {
    const claim = deliverWithIntermediateResults();
    const judgement = judged(claim, [state('running', 0, { partial: { v: before } }), succeeded(1, { v: after })]);
    expect(judgement.verdict).toBe(wrong === undefined ? 'holds' : 'violated');
    expect(told(claim, judgement)).toContain(wrong ?? 'each went on from the one before');
  });
});
