import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../../src/logic/index.ts';
import { standardLifecycle, type Ending } from '../../../../src/trace/index.ts';
import { deadline, error, failed, judged, message, note, short, state, succeeded, tick, value, type Step } from '../seen.ts';

const cancelled = (at = 0): Step => state('cancelled', at, { ending: 'cancelled' });

/** What succeed, fail and settle share: they wait for an ending, and differ in which one they want. */
export function waitsForAnEnding(claim: Claim, wanted: readonly Ending[]): void {
  const verdict = (ending: Ending): 'holds' | 'violated' => (wanted.includes(ending) ? 'holds' : 'violated');
  const code = (ending: Ending): string => (wanted.includes(ending) ? 'ended' : 'ended-otherwise');

  describe(claim.says, () => {
    test.each<[string, Step[], Ending, number]>([
      ['a success', [state('queued'), state('running', 5), succeeded(9)], 'success', 2],
      ['a failure', [state('running'), failed(9)], 'failure', 1],
      ['a cancellation', [cancelled(3)], 'cancelled', 0],
      ['the end told twice', [state('running'), succeeded(5), succeeded(6)], 'success', 1],
      ['a state after the end: the first one stands', [failed(1), state('running', 2), succeeded(3)], 'failure', 0],
      ['an end by a name of any script', [state('готово', 2, { ending: 'success' })], 'success', 0],
      ['an end whose name objects inherit', [state('constructor'), state('toString', 2, { ending: 'failure' })], 'failure', 1],
      ['an end told by another source first', [state('running'), succeeded(4, undefined, 'webhook'), failed(5)], 'success', 1],
    ])('is decided by %s', (_name, steps, ending, seq) => {
      const judgement = judged(claim, steps);
      expect(short(judgement)).toEqual({
        verdict: verdict(ending),
        by: 'observation',
        code: code(ending),
        evidence: [seq],
      });
      expect(judgement.at).toBe(steps[seq]!.at);
      expect(judgement.reason).toMatchObject({ ending });
    });

    test('takes the lifecycle’s word for what a state means, but the reader’s before', () => {
      const context = { lifecycle: standardLifecycle, since: 0 };
      expect(short(judged(claim, [state('succeeded')], { context })).verdict).toBe(verdict('success'));
      expect(short(judged(claim, [state('cancelled')], { context })).verdict).toBe(verdict('cancelled'));
      expect(short(judged(claim, [state('succeeded', 0, { ending: 'failure' })], { context })).verdict).toBe(verdict('failure'));
      expect(short(judged(claim, [state('constructor'), state('__proto__')], { context, closing: deadline(9) })).code).toBe(
        'not-yet',
      );
    });

    test.each<[string, Step[], object]>([
      ['no end', [state('queued'), state('running', 4)], { code: 'not-yet', last: 'running', since: 4 }],
      [
        'progress only: since it last moved',
        [state('running', 1, { progress: 10 }), state('running', 5, { progress: 10 }), state('running', 7, { progress: 40 })],
        { code: 'not-yet', last: 'running', progress: 40, since: 7 },
      ],
      ['errors only', [error(1), error(2)], { code: 'not-yet' }],
      ['values and messages, which tell no state', [value('succeeded'), message('1')], { code: 'not-yet' }],
    ])('is violated by a deadline that finds %s', (_name, steps, reason) => {
      const judgement = judged(claim, steps, { closing: deadline(50) });
      expect(judgement).toMatchObject({ verdict: 'violated', decidedBy: 'deadline', at: 50, reason });
      expect(judgement.reason).toMatchObject({ closing: { within: 50 } });
    });

    test.each(['hung', 'broken', 'aborted', 'bound'] as const)('stays open when it is closed as %s', (by) => {
      expect(judged(claim, [state('running')], { closing: { by, at: 9, source: 'monitor' } })).toMatchObject({
        verdict: 'undecided',
        decidedBy: by,
        at: 9,
        reason: { code: 'not-yet', last: 'running', closing: { source: 'monitor' } },
      });
    });

    test('says that nothing was seen', () => {
      for (const steps of [[], [note()], [tick(5)]]) {
        expect(short(judged(claim, steps, { closing: deadline(9) }))).toEqual({
          verdict: 'undecided',
          by: 'nothing',
          code: 'nothing-seen',
          evidence: [],
        });
      }
    });
  });
}
