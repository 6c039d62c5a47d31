import { describe, expect, test } from 'vitest';
import { standardLifecycle } from '../../../../src/trace/index.ts';
import type { FollowArgs } from '../../../../src/logic/claims/follow.ts';
import { follow, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, judged, refusal, state, succeeded, tick, told, type Step } from '../seen.ts';

const lifecycle = standardLifecycle;
const every = { lifecycle, everyState: true };

describe('follow', () => {
  test.each<[string, FollowArgs, Step[], Closing, string]>([
    [
      'all of its states',
      { lifecycle },
      [state('queued'), state('running', 1), succeeded(2)],
      end(3),
      'holds by observation: followed [2]',
    ],
    [
      'states that a look has missed',
      { lifecycle },
      [state('running'), succeeded(2)],
      end(3),
      'holds by observation: followed [1]',
    ],
    [
      'the end, and time that went by',
      { lifecycle },
      [succeeded(2), tick(202)],
      deadline(999),
      'holds by deadline: followed [0]',
    ],
    [
      'the end, too late to be sure',
      { lifecycle },
      [succeeded(2), tick(90)],
      deadline(99),
      'undecided by nothing: unsettled [0]',
    ],
    ['a step back', { lifecycle }, [state('running'), state('queued', 1)], end(3), 'violated by observation: illegal-move [0,1]'],
    [
      'another state after the end',
      { lifecycle },
      [succeeded(), state('running', 1)],
      end(3),
      'violated by observation: illegal-move [0,1]',
    ],
    [
      'a state that it does not have',
      { lifecycle },
      [state('queued'), state('runing', 1)],
      end(3),
      'violated by observation: no-such-state [0,1]',
    ],
    ['no end', { lifecycle }, [state('queued')], deadline(9), 'undecided by nothing: not-ended [0]'],
    [
      'two channels, one behind the other',
      { lifecycle },
      [state('queued', 0, {}, 'hook'), state('running', 1), state('running', 2, {}, 'hook'), succeeded(3)],
      end(4),
      'holds by observation: followed [3]',
    ],
    [
      'the answer to the start, which is the first word of the monitor',
      { lifecycle },
      [state('running', 0, {}, 'start'), state('queued', 1)],
      end(3),
      'violated by observation: illegal-move [0,1]',
    ],
    [
      'each state in turn',
      every,
      [state('queued'), state('running', 1), succeeded(2)],
      end(3),
      'holds by observation: followed [2]',
    ],
    ['a start in the middle', every, [state('running')], end(3), 'violated by observation: illegal-start [0]'],
    [
      'a state left out',
      { lifecycle: { initial: 'a', moves: { a: ['b'], b: ['c'] }, endings: { c: 'success' } }, everyState: true },
      [state('a'), state('c', 1)],
      end(3),
      'violated by observation: illegal-move [0,1]',
    ],
  ])('judges %s', (_name, args, steps, closing, expected) => {
    expect(brief(judged(follow(args), steps, { closing }))).toBe(expected);
  });

  test('takes the lifecycle of what is watched, and refuses to go without', () => {
    const context = { since: 0, lifecycle };
    expect(judged(follow(), [state('running'), state('queued', 1)], { context }).verdict).toBe('violated');
    expect(refusal(() => follow().start({ since: 0 }))).toMatchObject({ code: 'no-lifecycle' });
    expect(refusal(() => follow({ lifecycle: { initial: 'a', moves: {}, endings: {} } }))).toMatchObject({ code: 'no-ending' });
  });

  test('tells the move, and whose it was', () => {
    const claim = follow({ lifecycle });
    const tell = (...steps: Step[]): string => told(claim, judged(claim, steps));
    expect(tell(state('running'), state('queued', 1))).toBe("it went from 'running' to 'queued', which is no legal move");
    expect(tell(state('queued'), state('running', 1, {}, 'hook'), state('queued', 2, {}, 'hook'))).toBe(
      "it went from 'running' to 'queued', which is no legal move (told by 'hook')",
    );
    expect(tell(state('runing'))).toBe("it was in 'runing', which its lifecycle does not have");
    expect(claim.tell?.(judged(claim, [state('runing')]))?.hint).toContain("is it another word for 'running'?");
    expect(tell(state('queued'))).toBe("it had not ended, and was still 'queued'");
  });
});
