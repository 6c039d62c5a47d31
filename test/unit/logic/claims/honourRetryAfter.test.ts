import { describe, expect, test } from 'vitest';
import { honourRetryAfter } from '../../../../src/logic/index.ts';
import { judged, refusal, request, response, short, type Short, type Step } from '../seen.ts';

const URL = 'http://a.test/op/1';
let exchanges = 0;
/** One exchange of a client, answered at once. */
function ask(
  at: number,
  headers: Record<string, string> = {},
  rest: { status?: number; method?: string; as?: string } = {},
): Step[] {
  const id = `x${exchanges++}`;
  const keys = rest.as === undefined ? undefined : [rest.as];
  return [request(id, at, URL, rest.method), response(id, at, headers, rest)].map((step) => ({ ...step, keys }));
}
const holds = (evidence: number[]): Short => ({ verdict: 'holds', by: 'observation', code: 'honoured', evidence });
const violated = (evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code: 'asked-too-soon', evidence });
const unknown = (evidence: number[]): Short => ({ verdict: 'undecided', by: 'nothing', code: 'never-tested', evidence });
const WAIT = { 'retry-after': '2' };

describe('honourRetryAfter', () => {
  test.each<[string, Step[], Short]>([
    ['a wait that was kept', [ask(0, WAIT), ask(2000)].flat(), holds([3])],
    ['one that was not', [ask(0, WAIT), ask(500)].flat(), violated([1, 2])],
    ['one within the tolerance', [ask(0, WAIT), ask(1960)].flat(), holds([3])],
    ['nobody who was asked to wait', [ask(0), ask(1)].flat(), unknown([3])],
    ['one who asked no more', ask(0, WAIT), unknown([1])],
    [
      'a POST that was refused for now',
      [ask(0, WAIT, { method: 'POST', status: 503 }), ask(9, {}, { method: 'POST' })].flat(),
      violated([1, 2]),
    ],
    ['a POST that was refused, and a look', [ask(0, WAIT, { method: 'POST', status: 429 }), ask(9)].flat(), unknown([3])],
    [
      'a POST that was taken, and the next',
      [ask(0, WAIT, { method: 'POST' }), ask(9, {}, { method: 'POST' })].flat(),
      unknown([3]),
    ],
    ['another client', [ask(0, WAIT, { as: 'a' }), ask(9, {}, { as: 'b' })].flat(), unknown([3])],
    ['the same client', [ask(0, WAIT, { as: 'a' }), ask(9, {}, { as: 'a' })].flat(), violated([1, 2])],
  ])('judges %s', (_name, steps, expected) => {
    expect(short(judged(honourRetryAfter(), steps))).toEqual(expected);
  });

  test('takes a tolerance', () => {
    const steps = [ask(0, WAIT), ask(1990)].flat();
    expect(judged(honourRetryAfter({ tolerance: 0 }), steps)).toMatchObject({
      verdict: 'violated',
      reason: { code: 'asked-too-soon', request: `GET ${URL}`, asked: 2000, waited: 1990 },
    });
  });

  test.each([
    [{ tolerance: -1 }, /tolerance to be a number from 0, received -1/],
    [{ tolerant: 1 }, /no more than tolerance/],
    [7, /an object/],
  ])('refuses %j', (args, message) => {
    expect(refusal(() => honourRetryAfter(args as never))).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(message),
    });
  });
});
