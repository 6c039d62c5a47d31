import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/time/index.ts';

afterEach(() => void vi.useRealTimers());

test('the system clock goes on while a test fakes the timers', async () => {
  vi.useFakeTimers();
  const start = systemClock.now();
  const wall = systemClock.wall();
  await systemClock.sleep(5);
  expect(systemClock.now() - start).toBeGreaterThanOrEqual(4);
  expect(systemClock.wall()).toBeGreaterThanOrEqual(wall);
  // The fake clock was set back to what it stood at: nobody moved it on.
  expect(vi.getTimerCount()).toBe(0);
});

test('a first import under fake timers is refused when it comes to waiting, and says what to do', async () => {
  vi.useFakeTimers();
  vi.resetModules();
  const fresh = await import('../../../src/time/index.ts');
  vi.useRealTimers();
  expect(() => fresh.systemClock.after(1, () => undefined)).toThrow(
    expect.objectContaining({ code: 'faked-clock', hint: expect.stringContaining('before vi.useFakeTimers()') }),
  );
});

test('a sleep of a fraction is given to the timer as the next whole millisecond, since a timer drops fractions', async () => {
  const delays: number[] = [];
  vi.stubGlobal('setTimeout', (wake: () => void, ms: number) => (delays.push(ms), queueMicrotask(wake)));
  vi.resetModules();
  const fresh = await import('../../../src/time/index.ts');
  vi.unstubAllGlobals();
  for (const ms of [1.2, 5, 0.001, 0, -1, Number.NaN]) await fresh.systemClock.sleep(ms);
  expect(delays).toEqual([2, 5, 1, 0, 0, 0]);
});

test('a wait longer than a timer can be is taken in steps, without ringing early', async () => {
  const delays: number[] = [];
  const due: (() => void)[] = [];
  const cleared: unknown[] = [];
  vi.stubGlobal('setTimeout', (wake: () => void, ms: number) => delays.push(ms) && due.push(wake));
  vi.stubGlobal('clearTimeout', (timer: unknown) => cleared.push(timer));
  vi.resetModules();
  const fresh = await import('../../../src/time/index.ts');
  vi.unstubAllGlobals();
  const max = 2_147_483_647;
  let woken = 0;
  const cancel = fresh.systemClock.after(2 * max + 5, () => woken++);
  due[0]!();
  due[1]!();
  expect({ delays, woken }).toEqual({ delays: [max, max, 5], woken: 0 });
  cancel();
  expect(cleared).toEqual([3]);
  due[2]!();
  expect(woken).toBe(1);
});
