import { describe, expect, test } from 'vitest';
import type { DeliverInOrderArgs } from '../../../../src/logic/claims/deliverInOrder.ts';
import { deliverInOrder, type Closing } from '../../../../src/logic/index.ts';
import type { Event } from '../../../../src/trace/index.ts';
import { brief, deadline, end, judged, listening, message, told, type Step } from '../seen.ts';

const [first, second, third] = [{ id: '1' }, { id: '2' }, { id: '3' }];
const events = [first, second, third];
const numbered = { events: ['done'], by: 'data.n' };
const n = (place: unknown, at = 0, order = 'A'): Step => message(`m${at}`, at, { n: place, order });

const dotted = (id: string, place: number): Step => ({
  at: 0,
  source: 'inbox',
  keys: undefined,
  event: { kind: 'message', id, type: 'done', 'x.n': place } as Event,
});

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
    ['numbers as texts', numbered, [n('9'), n('10', 1), n('10', 2)], end(9), 'holds by observation: in-order [2]'],
    ['numbers as texts that fall', numbered, [n('10'), n('9', 1)], end(9), 'violated by observation: fell [0,1]'],
    [
      'numbers as texts that no float tells apart',
      numbered,
      [n('9007199254740993'), n('9007199254740992', 1)],
      end(9),
      'violated by observation: fell [0,1]',
    ],
    ['ids of a stream', numbered, [n('1700000000000-9'), n('1700000000000-10', 1)], end(9), 'holds by observation: in-order [1]'],
    [
      'ids of a stream that fall',
      numbered,
      [n('1700000000001-0'), n('1700000000000-10', 1)],
      end(9),
      'violated by observation: fell [0,1]',
    ],
    ['days as texts', numbered, [n('2024-01-31'), n('2024-02-01', 1)], end(9), 'holds by observation: in-order [1]'],
    ['a number and one as a text', numbered, [n(9), n('10', 1)], end(9), 'holds by observation: in-order [1]'],
    [
      'a place whose name has a dot',
      { events: ['done'], by: 'x.n' },
      [dotted('1', 2), dotted('2', 1)],
      end(9),
      'violated by observation: fell [0,1]',
    ],
    [
      'one that is to come twice, and was sent again',
      { events: ['done', 'done'] },
      [message('1'), message('1', 5)],
      deadline(9),
      'violated by deadline: not-come [0]',
    ],
    [
      'two of a kind',
      { events: ['done', 'done'] },
      [message('1'), message('2', 5)],
      deadline(9),
      'holds by observation: in-order [0,1]',
    ],
    [
      'two of a kind that have no id',
      { events: ['done', 'done'] },
      [message(undefined), message(undefined, 5)],
      deadline(9),
      'holds by observation: in-order [0,1]',
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
