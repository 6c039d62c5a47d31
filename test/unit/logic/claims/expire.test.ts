import { describe, expect, test } from 'vitest';
import type { ExpireArgs } from '../../../../src/logic/claims/expire.ts';
import { expire } from '../../../../src/logic/index.ts';
import { judged, refusal, request, response, type Step } from '../seen.ts';

const URL = 'http://a.test/op/1';
let exchanges = 0;
function look(at: number, status = 200, body?: string): Step[] {
  const id = `x${exchanges++}`;
  return [request(id, at, URL), response(id, at, {}, { status, ...(body === undefined ? {} : { body }) })];
}
const accepted = (at: number): Step[] => {
  const id = `x${exchanges++}`;
  return [request(id, at, 'http://a.test/ops', 'POST'), response(id, at, { location: '/op/1' }, { status: 202 })];
};
const RUNNING = '{"status":"running"}';
const END = '{"status":"succeeded"}';
const both = { atLeast: 1000, atMost: 2000 };

describe('expire', () => {
  test.each<[string, ExpireArgs, Step[], string, string]>([
    [
      'kept and gone',
      both,
      [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(1500, 200, END), ...look(1900, 410)],
      'holds',
      'expired',
    ],
    [
      'kept and gone by 404',
      both,
      [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(1500, 304), ...look(1900, 404)],
      'holds',
      'expired',
    ],
    // Not every end has a word: 202 is what is not done.
    [
      'kept after an end that 200 tells where 202 was told before',
      both,
      [...accepted(0), ...look(1, 202), ...look(2, 200, '{"rows":3}'), ...look(1500, 200), ...look(1900, 410)],
      'holds',
      'expired',
    ],
    ['gone too soon', both, [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(900, 410)], 'violated', 'gone-too-soon'],
    [
      'gone before its end was seen',
      both,
      [...accepted(0), ...look(1, 200, RUNNING), ...look(900, 404)],
      'violated',
      'gone-too-soon',
    ],
    ['gone before it was seen at all', both, [...accepted(0), ...look(900, 410)], 'violated', 'gone-too-soon'],
    ['404 until the work has begun', both, [...accepted(0), ...look(1, 404), ...look(900, 404)], 'undecided', 'no-end'],
    [
      '404 until the work has begun, and kept and gone after that',
      both,
      [
        ...accepted(0),
        ...look(1, 404),
        ...look(2, 200, RUNNING),
        ...look(3, 200, END),
        ...look(1500, 200, END),
        ...look(1900, 404),
      ],
      'holds',
      'expired',
    ],
    [
      'kept too long',
      both,
      [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(2002, 200, END)],
      'violated',
      'kept-too-long',
    ],
    [
      'gone between two looks',
      both,
      [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(1900, 410)],
      'undecided',
      'between-looks',
    ],
    [
      'an end that may be long before it was seen',
      both,
      [...accepted(0), ...look(1500, 200, END), ...look(2400, 410)],
      'undecided',
      'between-looks',
    ],
    ['kept, where nothing is said of going', { atLeast: 1000 }, [...look(0, 200, END), ...look(1000, 200, END)], 'holds', 'kept'],
    [
      'gone, where nothing is said of staying',
      { atMost: 1000 },
      [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(900, 410)],
      'holds',
      'expired',
    ],
    [
      'a server that is down meanwhile',
      both,
      [...look(0, 200, RUNNING), ...look(1, 200, END), ...look(500, 503)],
      'undecided',
      'between-looks',
    ],
    ['an address that never was a monitor', both, look(0, 404), 'undecided', 'no-end'],
    ['no end', both, [...look(0, 200, RUNNING), ...look(5000, 200, RUNNING)], 'undecided', 'no-end'],
  ])('%s', (_name, args, steps, verdict, code) => {
    expect(judged(expire(args), steps)).toMatchObject({ verdict, reason: { code } });
  });

  test('says what it says', () => {
    expect(expire({ atLeast: '1h', atMost: '2h' }).says).toBe('be kept for 1h after its end and to be gone 2h after its end');
    expect(expire({ atMost: '2h' }).says).toBe('be gone 2h after its end');
  });

  test.each([[{}], [{ atLeast: 5, atMost: 4 }], [{ after: 4 }], [undefined]])('refuses %j', (args) => {
    expect(refusal(() => expire(args as never))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^expire: /),
    });
  });
});
