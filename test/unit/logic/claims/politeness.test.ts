import { describe, expect, test } from 'vitest';
import type { PolitenessArgs } from '../../../../src/logic/claims/politeness.ts';
import { politeness } from '../../../../src/logic/index.ts';
import { deadline, judged, lost, refusal, request, response, short, state, type Short, type Step } from '../seen.ts';

const URL = 'http://a.test/op/1';
const polite = (evidence: number[]): Short => ({ verdict: 'holds', by: 'observation', code: 'polite', evidence });
const early = (evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code: 'too-early', evidence });
const after = (evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code: 'asked-after-the-end', evidence });

let exchanges = 0;
/** One exchange of a client, answered at once. */
function ask(
  at: number,
  headers: Record<string, string> = {},
  rest: { status?: number; body?: string; method?: string; url?: string } = {},
): Step[] {
  const id = `x${exchanges++}`;
  return [request(id, at, rest.url ?? URL, rest.method), response(id, at, headers, rest)];
}
const DONE = { body: '{"status":"Succeeded"}' };
const at = (second: number): string => `Tue, 24 Nov 2026 10:00:${String(second).padStart(2, '0')} GMT`;

describe('politeness', () => {
  test.each<[string, Step[], Short, PolitenessArgs?]>([
    ['waits of seconds that were kept', [ask(0, { 'retry-after': '2' }), ask(2000)].flat(), polite([3])],
    ['one that was not', [ask(0, { 'retry-after': '2' }), ask(1900)].flat(), early([1, 2])],
    ['one within the tolerance', [ask(0, { 'retry-after': '2' }), ask(1951)].flat(), polite([3])],
    [
      'one within the tolerance that was given',
      [ask(0, { 'retry-after': '2' }), ask(1500)].flat(),
      polite([3]),
      { tolerance: 500 },
    ],
    ['one beyond a tolerance of nothing', [ask(0, { 'retry-after': '2' }), ask(1999)].flat(), early([1, 2]), { tolerance: 0 }],
    [
      'another address: it did not ask for a wait',
      [ask(0, { 'retry-after': '2' }), ask(1, {}, { url: `${URL}0` })].flat(),
      polite([3]),
    ],
    ['a wish that a later answer takes back', [ask(0, { 'retry-after': '1' }), ask(1000), ask(1001)].flat(), polite([5])],
    [
      'a wish that the answer to another request takes back',
      [request('p', 0, URL), request('q', 0, URL), response('p', 1, { 'retry-after': '5' }), response('q', 2), ...ask(3)],
      polite([5]),
    ],
    ['a wish with nothing that is new', [ask(0, { 'retry-after': '2' }, { status: 304 }), ask(1)].flat(), early([1, 2])],
    [
      'a second answer to one request, which is one to nobody',
      [request('t', 0, URL), response('t', 1), response('t', 2, { 'retry-after': '9' }), ...ask(3)],
      polite([4]),
    ],
    ['the latest wish', [ask(0, { 'retry-after': '1' }), ask(1000, { 'retry-after': '5' }), ask(3000)].flat(), early([3, 4])],
    ['a malformed wish, which is none', [ask(0, { 'retry-after': '1.5' }), ask(1)].flat(), polite([3])],
    ['a wish with an unavailable server', [ask(0, { 'retry-after': '3' }, { status: 503 }), ask(1)].flat(), early([1, 2])],
    [
      'an HTTP date, by the server’s own clock',
      [ask(0, { 'retry-after': at(30), date: at(20) }), ask(8900)].flat(),
      early([1, 2]),
    ],
    [
      'an HTTP date, kept as nearly as its whole seconds tell',
      [ask(0, { 'retry-after': at(30), date: at(20) }), ask(9000)].flat(),
      polite([3]),
    ],
    ['a date that has passed', [ask(0, { 'retry-after': at(10), date: at(20) }), ask(1)].flat(), polite([3])],
    [
      'a date in an obsolete form, both of them',
      [ask(0, { 'retry-after': 'Tuesday, 24-Nov-26 10:00:30 GMT', date: 'Tue Nov 24 10:00:20 2026' }), ask(8000)].flat(),
      early([1, 2]),
    ],
    ['a date of a server that does not tell its own', [ask(0, { 'retry-after': at(30) }), ask(1)].flat(), polite([3])],
    ['a date beside one that is none', [ask(0, { 'retry-after': at(30), date: 'today' }), ask(1)].flat(), polite([3])],
    ['HEAD, which asks too', [ask(0, { 'retry-after': '2' }), ask(1, {}, { method: 'HEAD' })].flat(), early([1, 2])],
    ['a wish told to HEAD', [ask(0, { 'retry-after': '2' }, { method: 'HEAD' }), ask(1)].flat(), early([1, 2])],
    [
      'DELETE, which does not ask',
      [ask(0, { 'retry-after': '2' }), ask(1, {}, { method: 'DELETE', status: 204 })].flat(),
      polite([3]),
    ],
    [
      'a start that speaks of its monitor',
      [
        ask(0, { 'retry-after': '2', location: '/op/1' }, { method: 'POST', url: 'http://a.test/ops', status: 202 }),
        ask(1),
      ].flat(),
      early([1, 2]),
    ],
    [
      'a start that names result and monitor, and means both',
      [
        ask(
          0,
          { 'retry-after': '2', location: '/r/1', 'operation-location': '/op/1' },
          { method: 'PUT', url: 'http://a.test/r/1', status: 202 },
        ),
        ask(1),
      ].flat(),
      early([1, 2]),
    ],
    [
      'a start by GET',
      [ask(0, { 'retry-after': '2', 'content-location': URL }, { url: 'http://a.test/$export', status: 202 }), ask(1)].flat(),
      early([1, 2]),
    ],
    [
      'a start that names nobody',
      [ask(0, { 'retry-after': '2' }, { method: 'POST', url: URL, status: 202 }), ask(1)].flat(),
      polite([3]),
    ],
    [
      'a redirect, whose wish is about where it leads',
      [ask(0, { 'retry-after': '2', location: '/op/1' }, { url: 'http://a.test/old', status: 307 }), ask(1)].flat(),
      early([1, 2]),
    ],
    [
      'one address written in two ways',
      [ask(0, { 'retry-after': '2' }, { url: 'http://A.test:80/op/../op/1#top' }), ask(1)].flat(),
      early([1, 2]),
    ],
    ['an end that was heeded', [ask(0), ask(5, {}, DONE)].flat(), polite([3])],
    ['an end that was not', [ask(0, {}, DONE), ask(5)].flat(), after([1, 2])],
    ['an end, told by state', [ask(0, {}, { body: '{"state":"cancelled"}' }), ask(5)].flat(), after([1, 2])],
    ['an end, told by done', [ask(0, {}, { body: '{"name":"op/1","done":true}' }), ask(5)].flat(), after([1, 2])],
    ['an end, told by a redirect to the result', [ask(0, { location: '/r/1' }, { status: 303 }), ask(5)].flat(), after([1, 2])],
    [
      'the result asked for after the end',
      [ask(0, { location: '/r/1' }, { status: 303 }), ask(5, {}, { url: 'http://a.test/r/1' })].flat(),
      polite([3]),
    ],
    ['an end that is gone', [ask(0, {}, { status: 410 }), ask(5)].flat(), after([1, 2])],
    ['a body that tells no end', [ask(0, {}, { body: '{"status":"running","done":false}' }), ask(5)].flat(), polite([3])],
    [
      'bodies that are no JSON, or none that tells',
      ['{', 'null', '7', '{"status":5}', '{"status":"FailingOver"}'].flatMap((body, i) => ask(i, {}, { body })),
      polite([9]),
    ],
    ['an ending’s word with an error’s status', [ask(0, {}, { ...DONE, status: 500 }), ask(5)].flat(), polite([3])],
    ['a cancelling by POST that says it is done', [ask(0, {}, { ...DONE, method: 'POST' }), ask(5)].flat(), polite([3])],
    [
      'as many after the end as are allowed',
      [ask(0, {}, DONE), ask(1, {}, DONE), ask(2, {}, DONE)].flat(),
      polite([5]),
      { afterTheEnd: 2 },
    ],
    [
      'one more, though each told the end again',
      [0, 1, 2, 3].flatMap((t) => ask(t, {}, DONE)),
      after([1, 6]),
      { afterTheEnd: 2 },
    ],
    ['a lost answer, which wished nothing', [request('l', 0, URL), lost('l', 1), ...ask(2)], polite([3])],
    ['an answer to nobody', [response('y', 0, { 'retry-after': '9' }), ...ask(1)], polite([2])],
  ])('judges %s', (_name, steps, expected, args) => {
    expect(short(judged(politeness(args), steps))).toEqual(expected);
  });

  test('tells by how much it was too early, and how long after the end', () => {
    expect(judged(politeness(), [ask(100, { 'retry-after': '2' }), ask(600)].flat()).reason).toEqual({
      code: 'too-early',
      url: URL,
      early: 1500,
      asked: 2000,
    });
    expect(judged(politeness(), [ask(100, {}, DONE), ask(600)].flat()).reason).toEqual({
      code: 'asked-after-the-end',
      url: URL,
      after: 500,
    });
    expect(judged(politeness(), [ask(40.1, { 'retry-after': '1' }), ask(60.3)].flat()).reason).toMatchObject({ early: 979.8 });
    expect(judged(politeness(), [ask(40.1, {}, DONE), ask(60.3)].flat()).reason).toMatchObject({ after: 20.2 });
    expect(judged(politeness(), [ask(0), ask(9)].flat()).reason).toMatchObject({ code: 'polite', looks: 2 });
  });

  test('is not decided where no exchange was seen, and holds at a deadline', () => {
    expect(short(judged(politeness(), [], { closing: deadline(5) })).code).toBe('nothing-seen');
    expect(short(judged(politeness(), ask(0), { closing: deadline(5) }))).toEqual({ ...polite([1]), by: 'deadline' });
    expect(short(judged(politeness(), ask(0), { closing: { by: 'hung', at: 5 } }))).toMatchObject({
      verdict: 'undecided',
      by: 'hung',
    });
    // A client seen only by the states it read has asked nobody, and neither has one that only orders.
    for (const steps of [[state('running')], ask(0, {}, { method: 'POST' })])
      expect(judged(politeness(), steps)).toMatchObject({
        verdict: 'undecided',
        decidedBy: 'nothing',
        reason: { code: 'no-look' },
      });
  });

  test.each<[unknown]>([[{ tolerance: '1s' }], [{ tolerance: -1 }], [{ tolerance: Number.NaN }], [{ afterTheEnd: null }]])(
    'refuses %j',
    (args) => {
      expect(refusal(() => politeness(args as PolitenessArgs))).toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/^politeness: expected (tolerance|afterTheEnd) to be a number from 0, received/),
        hint: expect.stringContaining('politeness({ tolerance: 50, afterTheEnd: 1 })'),
      });
    },
  );
});
