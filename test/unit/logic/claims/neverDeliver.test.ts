import { describe, expect, test } from 'vitest';
import { neverDeliver, type Closing } from '../../../../src/logic/index.ts';
import { brief, deadline, error, judged, listening, message, tick, told, value, type Step } from '../seen.ts';

describe('neverDeliver', () => {
  test.each<[string, Step[], Closing, string]>([
    ['silence, while it was listened', [], listening(100), 'holds by deadline: none-delivered []'],
    ['silence, while nobody looked', [], deadline(100), 'undecided by nothing: nothing-seen []'],
    ['looks that found nothing new', [tick(50, 9)], deadline(100), 'holds by deadline: none-delivered []'],
    ['too few looks', [value(0), tick(50, 1)], deadline(100), 'undecided by nothing: too-few-looks [0]'],
    ['looks that failed', [error(), tick(50, 9)], deadline(100), 'undecided by nothing: looks-failed []'],
    ['another message', [message('1')], listening(100), 'holds by deadline: none-delivered [0]'],
    ['the message', [message('2', 40)], listening(100), 'violated by observation: delivered-forbidden [0]'],
  ])('judges %s', (_name, steps, closing, expected) => {
    const claim = neverDeliver({ event: { id: '2' }, for: 100 });
    expect(brief(judged(claim, steps, { closing }))).toBe(expected);
  });

  test('tells what came, and when', () => {
    const claim = neverDeliver({ event: 'done', for: '1s' });
    expect(claim.says).toBe("never deliver 'done' for 1s");
    expect(told(claim, judged(claim, [message('m1', 40)]))).toBe("'done' was delivered after 40ms ('m1')");
    expect(told(claim, judged(claim, [], { closing: listening(9) }))).toBe("'done' was not delivered");
  });
});
