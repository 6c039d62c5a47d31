import { describe, expect, test } from 'vitest';
import type { PollBudgetArgs } from '../../../../src/logic/claims/stayWithinPollBudget.ts';
import { stayWithinPollBudget } from '../../../../src/logic/index.ts';
import { deadline, end, judged, refusal, request, short, state, told, type Short, type Step } from '../seen.ts';

const ask = (at: number, url = 'http://a.test/1', method = 'GET'): Step => request(`x${at}`, at, url, method);
const holds = (evidence: number[]): Short => ({ verdict: 'holds', by: 'observation', code: 'within-budget', evidence });
const violated = (evidence: number[]): Short => ({ verdict: 'violated', by: 'observation', code: 'over-budget', evidence });

describe('stayWithinPollBudget', () => {
  test.each<[string, PollBudgetArgs, Step[], Short]>([
    ['as many as are allowed', { requests: 2 }, [ask(0), ask(1)], holds([1])],
    ['one more', { requests: 2 }, [ask(0), ask(1), ask(2)], violated([0, 2])],
    ['one more in another stretch', { requests: 2, per: 10 }, [ask(0), ask(1), ask(10)], holds([2])],
    [
      'one more in a stretch that begins in between',
      { requests: 2, per: 10 },
      [ask(0), ask(5), ask(11), ask(14)],
      violated([1, 3]),
    ],
    ['another address', { requests: 1 }, [ask(0), ask(1, 'http://a.test/2')], holds([1])],
    ['another method', { requests: 1 }, [ask(0), ask(1, 'http://a.test/1', 'POST')], holds([1])],
    [
      'another client',
      { requests: 1 },
      [
        { ...ask(0), keys: ['a'] },
        { ...ask(1), keys: ['b'] },
      ],
      holds([1]),
    ],
    [
      'nobody who asks',
      { requests: 1 },
      [state('running')],
      { verdict: 'undecided', by: 'nothing', code: 'within-budget', evidence: [] },
    ],
  ])('judges %s', (_name, args, steps, expected) => {
    expect(short(judged(stayWithinPollBudget(args), steps))).toEqual(expected);
  });

  test('is not decided by less than one stretch of a client that goes on', () => {
    const claim = stayWithinPollBudget({ requests: 3, per: '1m' });
    const asked = [ask(0), ask(1000), ask(2000)];
    const early = judged(claim, asked, { closing: deadline(4000) });
    expect(short(early)).toEqual({ verdict: 'undecided', by: 'nothing', code: 'watched-too-short', evidence: [2] });
    expect(told(claim, early)).toBe('it was watched for 4s of 1m, and asked 3 times at most so far');
    expect(claim.tell?.(early)?.hint).toBe('close the recorder when the client is done, or raise within to 1m');
    // A client that has ended, and one that was watched for a whole stretch.
    expect(judged(claim, asked, { closing: end(4000) }).verdict).toBe('holds');
    expect(judged(claim, asked, { closing: deadline(60_000) }).verdict).toBe('holds');
    expect(judged(stayWithinPollBudget({ requests: 3 }), asked, { closing: deadline(4000) }).verdict).toBe('holds');
    expect(judged(claim, [...asked, ask(10_000)], { closing: deadline(60_000) }).verdict).toBe('violated');
  });

  test.each([[undefined], [{}], [{ requests: 0 }], [{ requests: 1.5 }], [{ requests: 1, per: 0 }], [{ requests: 1, in: 4 }]])(
    'refuses %j',
    (args) => {
      expect(refusal(() => stayWithinPollBudget(args as never))).toMatchObject({ code: 'invalid-argument' });
    },
  );
});
