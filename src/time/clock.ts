import { HarnessError } from '../errors.ts';
import type { EpochMillis, Millis } from './duration.ts';

/**
 * The one door to time. Everything that waits, stamps or times out takes a clock, so that the same code runs in real and
 * in virtual time.
 */
export interface Clock {
  /** Monotonic time in milliseconds from an arbitrary zero; never goes back. */
  now(): Millis;
  /** Wall time, for HTTP dates and signatures; may jump. */
  wall(): EpochMillis;
  /** Resolves after `ms`, or at once when `signal` aborts; removes its listener and never rejects. NaN and less than 0 count as 0. */
  sleep(ms: Millis, signal?: AbortSignal): Promise<void>;
  /** Calls `wake` once, after `ms`; the returned function cancels it. Cheaper than `sleep` where no promise is needed. */
  after(ms: Millis, wake: () => void): () => void;
}

// Taken when this module loads: fake timers replace the globals later, and a harness that waits on faked time for a real
// server waits for ever (the behaviour of several peers).
const performanceNow = performance.now.bind(performance);
const dateNow = Date.now;
const setTimer = globalThis.setTimeout;
const clearTimer = globalThis.clearTimeout;

/** Node turns a longer delay into 1 ms, with a warning; longer waits are taken in steps. */
const MAX_TIMER_MS: Millis = 2_147_483_647;

function after(ms: Millis, wake: () => void): () => void {
  if ('clock' in setTimer) {
    throw new HarnessError(
      'faked-clock',
      'holdfast was first imported while fake timers were installed, so it has no real clock to wait on',
      'import holdfast at the top of the file (or in a setup file), before vi.useFakeTimers() or jest.useFakeTimers()',
    );
  }
  if (ms > MAX_TIMER_MS) return inSteps(ms, wake);
  // Node takes what is no delay for 1 ms all the same, but warns the user of the process.
  const timer = setTimer(wake, ms > 0 ? ms : 0);
  return () => clearTimer(timer);
}

/** Whether the timers of this realm are fakes just now: those of `@sinonjs/fake-timers`, as Vitest and Jest have them, or mocks. */
export function timersAreFaked(): boolean {
  const { setTimeout: timer } = globalThis;
  return 'clock' in timer || '_isMockFunction' in timer;
}

function inSteps(ms: Millis, wake: () => void): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const arm = (left: Millis): void => {
    timer = setTimer(() => (left > MAX_TIMER_MS ? arm(left - MAX_TIMER_MS) : wake()), Math.min(left, MAX_TIMER_MS));
  };
  arm(ms);
  return () => clearTimer(timer);
}

/**
 * The clock of this machine, kept from before any fake timers were installed.
 *
 * @example
 * ```ts
 * import { systemClock } from 'holdfast/time';
 * const start = systemClock.now();
 * await systemClock.sleep(5);
 * systemClock.now() - start >= 4; // => true
 * ```
 */
export const systemClock: Clock = {
  now: performanceNow,
  wall: dateNow,
  after,
  // A timer drops the fraction, and would end a sleep before its time.
  sleep: (ms, signal) => sleepWith(after, Math.ceil(ms), signal),
};

/** `sleep` in terms of `after`, shared by every clock so that abort behaves the same everywhere. */
export function sleepWith(schedule: Clock['after'], ms: Millis, signal?: AbortSignal): Promise<void> {
  // Most who sleep are not to be woken by anything else.
  if (signal === undefined) return new Promise((resolve) => void schedule(ms, resolve));
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = (): void => {
      cancel();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const cancel = schedule(ms, wake);
    signal.addEventListener('abort', wake, { once: true });
  });
}
