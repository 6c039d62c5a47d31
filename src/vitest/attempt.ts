import type { RunnerTestCase } from 'vitest';
import { systemClock, type Millis } from '../time/index.ts';

/** One attempt at one test: when its time began to run. A retry is a new attempt. */
const began: WeakMap<RunnerTestCase, Millis> = new WeakMap();
const running: Set<RunnerTestCase> = new Set();

/** Tests of this file that are under way; more than one only when they run concurrently. */
export function runningTests(): ReadonlySet<RunnerTestCase> {
  return running;
}

/**
 * A test is about to begin. Its time limit runs from when the runner calls the test function, after the `beforeEach` hooks
 * that are still to come: the runner reads the context's signal just then, which is the moment that is noted.
 */
export function enter(task: RunnerTestCase): void {
  running.add(task);
  task.context.onTestFinished(() => void running.delete(task));
  began.set(task, systemClock.now());
  const signal = task.context.signal;
  let read = false;
  Object.defineProperty(task.context, 'signal', {
    configurable: true,
    enumerable: true,
    get: () => {
      if (!read) began.set(task, systemClock.now());
      read = true;
      return signal;
    },
    set: (value: AbortSignal) => {
      Object.defineProperty(task.context, 'signal', { configurable: true, enumerable: true, writable: true, value });
    },
  });
}

/** How long the test's function may still run, in milliseconds; infinite where it has no limit or it is not known. */
export function timeLeft(task: RunnerTestCase | undefined): Millis {
  if (task === undefined || !(task.timeout > 0) || task.timeout === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  const start = began.get(task);
  return start === undefined ? task.timeout : task.timeout - (systemClock.now() - start);
}
