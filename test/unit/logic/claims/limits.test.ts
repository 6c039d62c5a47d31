import { describe, expect, test } from 'vitest';
import { acceptWithin, respondWithin, settleWithin, timeOutWithin, type Claim } from '../../../../src/logic/index.ts';
import type { Event } from '../../../../src/trace/index.ts';
import {
  deadline,
  error,
  judged,
  lost,
  refusal,
  request,
  response,
  short,
  state,
  succeeded,
  tick,
  value,
  type Short,
  type Step,
} from '../seen.ts';

const URL = 'http://a.test/orders';
const step = (at: number, source: string, event: Event): Step => ({ at, source, event, keys: undefined });
const post = (at: number): Step => request('start', at, URL, 'POST');
const answer = (at: number, status = 202): Step => response('start', at, {}, { status });
const call = (at: number): Step => step(at, 'start', { kind: 'call', call: 'start', name: 'start' });
const aborted = (exchange: string, at: number): Step => step(at, 'client', { kind: 'no-response', exchange, reason: 'aborted' });
const given = (verdict: Short['verdict'], by: Short['by'], code: string, evidence: number[]): Short => ({
  verdict,
  by,
  code,
  evidence,
});

describe('acceptWithin', () => {
  test.each<[string, Step[], Short, number?]>([
    ['in time', [post(5), answer(105)], given('holds', 'observation', 'accepted', [0, 1])],
    ['late', [post(5), answer(106)], given('violated', 'observation', 'late', [0, 1])],
    ['a refusal', [post(0), answer(1, 503)], given('violated', 'observation', 'refused', [0, 1])],
    ['a redirect to the result', [post(0), answer(1, 303)], given('holds', 'observation', 'accepted', [0, 1])],
    ['a lost answer, which nobody knows', [post(0), lost('start', 9)], given('undecided', 'nothing', 'lost', [0, 1])],
    [
      'a lost answer, when the limit is over',
      [post(0), lost('start', 9), tick(200)],
      given('undecided', 'nothing', 'lost', [0, 1]),
      200,
    ],
    ['an answer lost too late', [post(0), lost('start', 100)], given('violated', 'observation', 'unanswered', [0])],
    ['still no answer', [post(0), tick(100)], given('violated', 'deadline', 'unanswered', [0])],
    ['a deadline before the limit', [post(0)], given('undecided', 'nothing', 'unanswered', [0]), 99],
    ['a deadline at the limit', [post(0)], given('violated', 'deadline', 'unanswered', [0]), 100],
    ['looks alone', [request('m/0', 0, URL), response('m/0', 500)], given('undecided', 'nothing', 'no-start', [1])],
    ['a start function', [call(0), { ...answer(50), source: 'start' }], given('holds', 'observation', 'accepted', [0, 1])],
    [
      'a start function that threw',
      [call(0), step(3, 'start', { kind: 'return', call: 'start', outcome: 'unknown' })],
      given('undecided', 'nothing', 'lost', [0, 1]),
    ],
    [
      'the first order of a client',
      [request('c/0', 0, URL), request('c/1', 1, URL, 'PUT'), response('c/0', 400), response('c/1', 401)],
      given('violated', 'observation', 'unanswered', [1]),
    ],
  ])('judges %s', (_name, steps, expected, at) => {
    const closing = at === undefined ? {} : { closing: deadline(at) };
    expect(short(judged(acceptWithin({ limit: 100 }), steps, closing))).toEqual(expected);
  });
});

describe('settleWithin', () => {
  const limit = settleWithin({ limit: 100 });
  test.each<[string, Step[], Short, number?]>([
    ['in time', [post(5), succeeded(105)], given('holds', 'observation', 'settled', [1])],
    ['late', [post(0), state('running', 101), succeeded(150)], given('violated', 'observation', 'not-yet', [1])],
    [
      'seen late, by looks that do not tell',
      [post(0), state('running', 50), succeeded(150)],
      given('undecided', 'nothing', 'settled-in-gap', [2]),
    ],
    ['not ended at the limit', [post(0), state('running', 50), tick(100, 1)], given('violated', 'deadline', 'not-yet', [1])],
    [
      'time alone, which is no look',
      [post(0), state('running', 50), tick(120)],
      given('undecided', 'nothing', 'not-yet', [1]),
      99,
    ],
    ['a deadline after the limit', [post(0), state('running', 50)], given('violated', 'deadline', 'not-yet', [1]), 350],
    ['the end of all that can be seen', [post(0), state('running', 50)], given('violated', 'observation', 'not-yet', [1])],
    ['no start, from when it was watched', [succeeded(100)], given('holds', 'observation', 'settled', [0])],
  ])('judges %s', (_name, steps, expected, at) => {
    expect(short(judged(limit, steps, at === undefined ? {} : { closing: deadline(at) }))).toEqual(expected);
  });
});

describe('respondWithin', () => {
  const limit = respondWithin({ limit: 100 });
  test.each<[string, Step[], Short, number?]>([
    [
      'all in time',
      [request('a', 0, URL), request('b', 1, URL), response('b', 100), response('a', 100)],
      given('holds', 'observation', 'answered-in-time', [3]),
    ],
    ['one late', [request('a', 0, URL), response('a', 101)], given('violated', 'observation', 'slow', [0, 1])],
    [
      'an error in time',
      [request('a', 0, URL), response('a', 9, {}, { status: 500 })],
      given('holds', 'observation', 'answered-in-time', [1]),
    ],
    ['one lost', [request('a', 0, URL), lost('a', 9)], given('undecided', 'nothing', 'lost', [0, 1])],
    [
      'one lost, others in time',
      [request('a', 0, URL), lost('a', 9), request('b', 10, URL), response('b', 20)],
      given('undecided', 'nothing', 'lost', [0, 1]),
    ],
    [
      'one lost, and one late',
      [request('a', 0, URL), lost('a', 9), request('b', 10, URL), response('b', 111)],
      given('violated', 'observation', 'slow', [2, 3]),
    ],
    ['one lost when it was late', [request('a', 0, URL), lost('a', 101)], given('violated', 'observation', 'lost-late', [0, 1])],
    [
      'one that was given up by who sent it',
      [request('a', 0, URL), aborted('a', 9), request('b', 10, URL), response('b', 20)],
      given('holds', 'observation', 'answered-in-time', [3]),
    ],
    ['nothing but such', [request('a', 0, URL), aborted('a', 9)], given('undecided', 'nothing', 'answered-in-time', [1])],
    [
      'one that was given up late',
      [request('a', 0, URL), aborted('a', 101)],
      given('violated', 'observation', 'lost-late', [0, 1]),
    ],
    ['one that hangs', [request('a', 0, URL), tick(100.001)], given('violated', 'deadline', 'unanswered', [0])],
    [
      'one that hangs while others are answered',
      [request('a', 0, URL), request('b', 90, URL), response('b', 120)],
      given('violated', 'observation', 'unanswered', [0]),
    ],
    [
      'one on its way',
      [request('a', 0, URL), response('a', 1), request('b', 2, URL)],
      given('undecided', 'nothing', 'answered-in-time', [2]),
      50,
    ],
    ['none', [state('running')], given('undecided', 'nothing', 'answered-in-time', [])],
  ])('judges %s', (_name, steps, expected, at) => {
    expect(short(judged(limit, steps, at === undefined ? {} : { closing: deadline(at) }))).toEqual(expected);
  });
});

describe('timeOutWithin', () => {
  const limit = timeOutWithin({ limit: 100 });
  const timeout = (at: number, reason = 'timeout'): Step => step(at, 'client', { kind: 'no-response', exchange: 'a', reason });
  const threw = (at: number, name: string, message = 'it failed'): Step => step(at, 'probe', { kind: 'error', name, message });
  test.each<[string, Step[], Short]>([
    ['a client that gives up', [request('a', 0, URL), timeout(100)], given('holds', 'observation', 'timed-out', [0, 1])],
    ['one that aborts', [request('a', 0, URL), timeout(9, 'aborted')], given('holds', 'observation', 'timed-out', [0, 1])],
    ['one that gives up late', [request('a', 0, URL), timeout(101)], given('violated', 'observation', 'timed-out-late', [0, 1])],
    [
      'a connection that is refused',
      [request('a', 0, URL), timeout(9, 'refused')],
      given('violated', 'observation', 'no-time-out', [0, 1]),
    ],
    ['504', [request('a', 0, URL), response('a', 50, {}, { status: 504 })], given('holds', 'observation', 'timed-out', [0, 1])],
    [
      '503 that came at once',
      [request('a', 0, URL), response('a', 9, { 'retry-after': '30' }, { status: 503 })],
      given('violated', 'observation', 'no-time-out', [0, 1]),
    ],
    [
      '503 that came at once, and says so',
      [request('a', 0, URL), response('a', 9, {}, { status: 503, body: '{"title":"the upstream timed out"}' })],
      given('holds', 'observation', 'timed-out', [0, 1]),
    ],
    [
      '503 after a while',
      [request('a', 0, URL), response('a', 10, {}, { status: 503 })],
      given('holds', 'observation', 'timed-out', [0, 1]),
    ],
    ...(
      [
        ['timeout must be a positive number', false],
        ['invalid timeout option', false],
        ['current transaction is aborted, commands ignored until end of transaction block', false],
        ['the request was aborted', false],
        ['timed out after 50 ms', true],
        ['fetch failed: Headers Timeout Error', true],
        ['fetch failed: UND_ERR_CONNECT_TIMEOUT', true],
        ['timeout of 50ms exceeded', true],
        ['canceling statement due to statement timeout', true],
        ['The operation was aborted due to timeout', true],
        ['4 DEADLINE_EXCEEDED: Deadline exceeded after 0.05s', true],
        ['Query read timeout', true],
        ['timeout exceeded when trying to connect', true],
        ['Knex: Timeout acquiring a connection. The pool is probably full', true],
        ['504 Gateway Timeout', true],
        ['request timeout must be a number', false],
      ] as const
    ).map(([text, isTimeOut]): [string, Step[], Short] => [
      text,
      [threw(50, 'Error', text)],
      isTimeOut ? given('holds', 'observation', 'timed-out', [0]) : given('violated', 'observation', 'no-time-out', [0]),
    ]),
    ['200', [request('a', 0, URL), response('a', 50)], given('violated', 'observation', 'no-time-out', [0, 1])],
    ['one that hangs', [request('a', 0, URL), tick(101)], given('violated', 'deadline', 'still-waiting', [0])],
    ['a function that gives up', [threw(50, 'TimeoutError')], given('holds', 'observation', 'timed-out', [0])],
    ['one that says so', [threw(50, 'Error', 'connect ETIMEDOUT 10.0.0.1')], given('holds', 'observation', 'timed-out', [0])],
    ['one that fails otherwise', [error(50)], given('violated', 'observation', 'no-time-out', [0])],
    ['one that answers', [value(3, 50)], given('violated', 'observation', 'no-time-out', [0])],
    ['one that hangs', [tick(101)], given('violated', 'deadline', 'still-waiting', [])],
  ])('judges %s', (_name, steps, expected) => {
    expect(short(judged(limit, steps))).toEqual(expected);
  });
});

test.each<[string, (args: never) => Claim]>([
  ['acceptWithin', acceptWithin],
  ['settleWithin', settleWithin],
  ['respondWithin', respondWithin],
  ['timeOutWithin', timeOutWithin],
])('%s refuses what is no limit', (name, make) => {
  for (const args of [undefined, {}, { limit: 0 }, { limit: 'soon' }, { limit: 1, within: 2 }])
    expect(refusal(() => make(args as never))).toMatchObject({ name: 'HarnessError' });
  expect(refusal(() => make({ limit: 0 } as never))).toMatchObject({
    message: expect.stringContaining(`${name}: expected limit to be a number from 1, received 0`),
    hint: `write it as in ${name}({ limit: '2s' })`,
  });
});
