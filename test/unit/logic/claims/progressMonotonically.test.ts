import { describe, expect, test } from 'vitest';
import type { ProgressArgs } from '../../../../src/logic/claims/progressMonotonically.ts';
import { progressMonotonically, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, end, failed, judged, state, succeeded, told, type Step } from '../seen.ts';

const at = (progress: number, moment = 0, source = 'monitor'): Step => state('running', moment, { progress }, source);
const done = (progress?: number): Step =>
  state('succeeded', 9, { ending: 'success', ...(progress === undefined ? {} : { progress }) });
const full = { fullAtTheEnd: true };

describe('progressMonotonically', () => {
  test.each<[string, ProgressArgs | undefined, Step[], Closing, string]>([
    [
      'progress that rises',
      undefined,
      [at(0), at(50, 1), at(50, 2), done(100)],
      deadline(9),
      'holds by observation: progressed [2,3]',
    ],
    ['a success that tells none', undefined, [at(90), done()], deadline(9), 'holds by observation: progressed [0,1]'],
    ['a failure on the way', undefined, [at(40), failed(3)], deadline(9), 'holds by observation: progressed [0,1]'],
    ['progress that falls', undefined, [at(50), at(40, 1)], deadline(9), 'violated by observation: progress-fell [0,1]'],
    [
      'looks between that tell none',
      undefined,
      [at(50), state('running', 1), at(40, 2)],
      deadline(9),
      'violated by observation: progress-fell [0,2]',
    ],
    [
      'two channels, one behind the other',
      undefined,
      [at(50), at(40, 1, 'hook'), done(100)],
      deadline(9),
      'holds by observation: progressed [0,2]',
    ],
    ['a success that falls short', undefined, [at(50), done(99)], deadline(9), 'violated by observation: ended-short [0,1]'],
    ['no progress at all', undefined, [state('running'), done()], end(9), 'undecided by nothing: no-progress [1]'],
    ['no end', undefined, [at(50)], deadline(9), 'undecided by nothing: progress-unended [0]'],
    ['100 before the end', undefined, [at(100), done(100)], deadline(9), 'holds by observation: progressed [0,1]'],
    [
      '100 before the end, which is not allowed',
      full,
      [at(100), done(100)],
      deadline(9),
      'violated by observation: full-too-soon [0]',
    ],
    ['100 at the end', full, [at(99), succeeded(9)], deadline(9), 'holds by observation: progressed [0,1]'],
  ])('judges %s', (_name, args, steps, closing, expected) => {
    expect(brief(judged(progressMonotonically(args), steps, { closing }))).toBe(expected);
  });

  test('tells from where to where', () => {
    const claim = progressMonotonically();
    expect(told(claim, judged(claim, [at(50), at(100 / 3, 1)]))).toBe(
      "its progress fell from 50 % to 33.3 % while it was 'running'",
    );
    expect(told(claim, judged(claim, [at(50), done()]))).toBe("its progress never fell, and was 50 % before it was 'succeeded'");
  });
});
