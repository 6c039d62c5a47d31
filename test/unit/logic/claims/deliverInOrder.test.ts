import { describe, expect, test } from 'vitest';
import type { DeliverInOrderArgs } from '../../../../src/logic/claims/deliverInOrder.ts';
import { deliverInOrder, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, judged, listening, message, told, type Step } from '../seen.ts';

const [first, second, third] = [{ id: '1' }, { id: '2' }, { id: '3' }];
const events = [first, second, third];
const numbered = { events: ['done'], by: 'data.n' };
const n = (place: unknown, at = 0, order = 'A'): Step => message(`m${at}`, at, { n: place, order });

describe('deliverInOrder', () => {
  test.each<[string, DeliverInOrderArgs, Step[], Closing, string]>([
    ['all in order', { events }, [message('1'), message('2'), message('3')], deadline(9), 'holds by observation: in-order [1,2]'],
    [
      'others between',
      { events },
      [message('1'), message('x'), message('2'), message('3')],
      deadline(9),
      'holds by observation: in-order [2,3]',
    ],
    [
      'one again that was in order',
      { events },
      [message('1'), message('2'), message('1'), message('3')],
      deadline(9),
      'holds by observation: in-order [1,3]',
    ],
    [
      'the third before the second',
      { events },
      [message('1'), message('3')],
      deadline(9),
      'violated by observation: overtaken [0,1]',
    ],
    ['the second first', { events }, [message('2')], deadline(9), 'violated by observation: overtaken [0]'],
    ['not all', { events }, [message('1'), message('2')], deadline(9), 'violated by deadline: not-come [1]'],
    ['nothing, while it was listened', { events }, [], listening(9), 'violated by deadline: not-come []'],
    ['rising numbers', numbered, [n(1), n(2, 1), n(2, 2), n(9, 3)], end(9), 'holds by observation: in-order [3]'],
    ['a number that falls', numbered, [n(2), n(1, 1)], deadline(9), 'violated by observation: fell [0,1]'],
    [
      'moments as texts',
      numbered,
      [n('2024-01-01T00:00:01Z'), n('2024-01-01T00:00:00Z', 1)],
      deadline(9),
      'violated by observation: fell [0,1]',
    ],
    [
      'two orders, each in its own order',
      { ...numbered, per: 'data.order' },
      [n(2), n(1, 1, 'B'), n(3, 2), n(2, 3, 'B')],
      deadline(9),
      'holds by deadline: in-order [3]',
    ],
    ['nothing that has the number', numbered, [message('1', 0, {})], deadline(9), 'violated by deadline: unnumbered []'],
  ])('judges %s', (_name, args, steps, closing, expected) => {
    expect(brief(judged(deliverInOrder(args), steps, { closing }))).toBe(expected);
  });

  test.each<[DeliverInOrderArgs, Step[], string]>([
    [{ events: ['placed', 'done'] }, [message('1')], "'done' came before 'placed'"],
    [{ events: ['done', 'paid'] }, [message('1')], "'paid' was not delivered after 'done'"],
    [{ events: ['placed', 'paid'] }, [message('1')], '\'placed\' was not delivered\n\'1\' at +0ms: type is "done", not "placed"'],
    [numbered, [n(2), n(1, 40)], "data.n fell from 2 to 1: 'm40' came 40ms after 'm0'"],
    [numbered, [message('1', 0, {})], 'nothing was delivered that has a number or a text at data.n'],
  ])('tells of %j', (args, steps, expected) => {
    const claim = deliverInOrder(args);
    expect(told(claim, judged(claim, steps, { closing: deadline(99) }))).toBe(expected);
  });
});
