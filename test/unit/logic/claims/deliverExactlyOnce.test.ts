import { describe, expect, test } from 'vitest';
import type { DeliverExactlyOnceArgs } from '../../../../src/logic/claims/deliverExactlyOnce.ts';
import { deliverExactlyOnce, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, judged, listening, message, tick, told, type Step } from '../seen.ts';

const event = 'done';
const order = (id: string, at: number, name: string): Step => message(id, at, { order: name });

describe('deliverExactlyOnce', () => {
  test.each<[string, DeliverExactlyOnceArgs, Step[], Closing, string]>([
    [
      'one, and nothing for the settling time',
      { event },
      [message('1', 3), tick(203)],
      deadline(999),
      'holds by deadline: delivered-once [0]',
    ],
    ['one, and the end of all', { event }, [message('1', 3)], end(4), 'holds by observation: delivered-once [0]'],
    ['one, just before the deadline', { event }, [message('1', 900)], deadline(999), 'undecided by nothing: not-settled [0]'],
    [
      'the same again within the settling time',
      { event },
      [message('1'), message('1', 199)],
      deadline(999),
      'violated by observation: delivered-again [0,1]',
    ],
    [
      'another of the kind',
      { event },
      [message('1'), message('2', 5)],
      deadline(999),
      'violated by observation: delivered-again [0,1]',
    ],
    [
      'another, where that is another thing',
      { event, per: 'id' },
      [message('1'), message('2', 5), tick(205)],
      deadline(999),
      'holds by deadline: delivered-once [1]',
    ],
    [
      'two ids of one order',
      { event, per: 'data.order' },
      [order('1', 0, 'A'), order('2', 5, 'A')],
      deadline(999),
      'violated by observation: delivered-again [0,1]',
    ],
    [
      'all that must come',
      { event, per: 'data.order', keys: ['A', 'B'], settle: 10 },
      [order('1', 0, 'A'), order('2', 50, 'B'), tick(60)],
      deadline(999),
      'holds by deadline: delivered-once [1]',
    ],
    [
      'not all that must come',
      { event, per: 'data.order', keys: ['A', 'B'], settle: 10 },
      [order('1', 0, 'A'), tick(60)],
      deadline(999),
      'violated by deadline: not-delivered [0]',
    ],
    [
      'the first again while the second is missing',
      { event, per: 'data.order', keys: ['A', 'B'] },
      [order('1', 0, 'A'), order('2', 50, 'A')],
      deadline(999),
      'violated by observation: delivered-again [0,1]',
    ],
    [
      'others than must come, which put nothing off',
      { event, per: 'id', keys: ['A1'] },
      [message('A1'), ...Array.from({ length: 20 }, (_, i) => message(`Z${i}`, (i + 1) * 100))],
      deadline(2050),
      'holds by observation: delivered-once [0]',
    ],
    [
      'another again that nobody asked for',
      { event, per: 'id', keys: ['A1'] },
      [message('Z1'), message('A1', 10), message('Z1', 20)],
      deadline(999),
      'violated by observation: delivered-again [0,2]',
    ],
    ['nothing, while it was listened', { event }, [], listening(9), 'violated by deadline: not-delivered []'],
    ['nothing, while nobody looked', { event }, [], deadline(9), 'undecided by nothing: nothing-seen []'],
  ])('judges %s', (_name, args, steps, closing, expected) => {
    expect(brief(judged(deliverExactlyOnce(args), steps, { closing }))).toBe(expected);
  });

  test.each<[DeliverExactlyOnceArgs, Step[], Closing, string]>([
    [{ event }, [message('1'), message('1', 40)], end(99), "'done' was delivered again: '1' came 40ms after the first time"],
    [{ event }, [message('1'), message('2', 40)], end(99), "'done' was delivered again: '2' came 40ms after '1'"],
    [{ event, keys: ['1', '2', '3'] }, [message('2')], deadline(9), "'done' was not delivered for '1' and '3'"],
    [{ event }, [message('1')], deadline(9), "'done' was delivered so late that it could not be watched for 200ms more"],
    [{ event, per: 'id', settle: 0 }, [message('1'), message('2')], end(99), "'done' was delivered once"],
  ])('tells of %j', (args, steps, closing, expected) => {
    const claim = deliverExactlyOnce(args);
    expect(told(claim, judged(claim, steps, { closing }))).toBe(expected);
  });
});
