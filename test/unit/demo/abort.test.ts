import { describe, expect, test } from 'vitest';
import { eitherOf } from '../../../src/demo/abort.ts';
import { virtualClock } from '../../../src/time/index.ts';

describe('a signal of several', () => {
  test('aborts with any of them', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const { signal } = eitherOf([one.signal, two.signal]);
    expect(signal.aborted).toBe(false);
    two.abort();
    expect(signal.aborted).toBe(true);
  });

  test('is aborted when one of them is already', () => {
    expect(eitherOf([new AbortController().signal, AbortSignal.abort()]).signal.aborted).toBe(true);
  });

  test('aborts after its time, and not when it was let go of', async () => {
    const clock = virtualClock();
    const [kept, done] = [eitherOf([], { clock, ms: 100 }), eitherOf([], { clock, ms: 100 })];
    done.done();
    await clock.advance(99);
    expect(kept.signal.aborted).toBe(false);
    await clock.advance(1);
    expect([kept.signal.aborted, done.signal.aborted]).toEqual([true, false]);
  });

  test('lets go of the others', () => {
    const one = new AbortController();
    const either = eitherOf([one.signal]);
    either.done();
    one.abort();
    expect(either.signal.aborted).toBe(false);
  });
});
