import type { AsyncLocalStorage } from 'node:async_hooks';
import type { RunnerTestCase } from 'vitest';
import { systemClock, type Millis } from '../time/index.ts';

/** One attempt at one test: when its time began to run. A retry is a new attempt. */
const began: WeakMap<RunnerTestCase, Millis> = new WeakMap();
const running: Set<RunnerTestCase> = new Set();
/**
 * Whose code runs, where several tests run at the same time; of the others the runner itself knows it. Not imported, because
 * a browser, where Vitest runs as well, has none; it makes do without.
 */
const current: AsyncLocalStorage<RunnerTestCase> | undefined = asyncStorage();

/** Tests of this file that are under way; more than one only when they run concurrently. */
export function runningTests(): ReadonlySet<RunnerTestCase> {
  for (const task of running) if (isOver(task)) running.delete(task);
  return running;
}

/** The concurrent test whose code this is; undefined where that is not known. */
export function concurrentTest(): RunnerTestCase | undefined {
  return current?.getStore();
}

/** Whether the runner is done with a test: nothing that still happens in it can be told. */
export function isOver(task: RunnerTestCase): boolean {
  return task.result?.duration !== undefined;
}

/**
 * A test is about to begin. Its time limit runs from when the runner calls the test function, after the `beforeEach` hooks
 * that are still to come: the runner reads the context's signal just then, which is the moment that is noted.
 */
export function enter(task: RunnerTestCase): void {
  running.add(task);
  began.set(task, systemClock.now());
  const signal = task.context.signal;
  let started = false;
  Object.defineProperty(task.context, 'signal', {
    configurable: true,
    enumerable: true,
    get: () => {
      // A hook may read it as well.
      if (!started && task.result?.hooks?.beforeEach !== 'run') {
        started = true;
        began.set(task, systemClock.now());
        if (task.concurrent === true) current?.enterWith(task);
      }
      return signal;
    },
    set: (value: AbortSignal) => {
      Object.defineProperty(task.context, 'signal', { configurable: true, enumerable: true, writable: true, value });
    },
  });
}

/**
 * A test whose beginning was not seen, because our hook was added to another file: modules are loaded once for all files
 * under `isolate: false`.
 */
export function enterLate(task: RunnerTestCase): void {
  if (running.has(task) || isOver(task)) return;
  running.add(task);
  const { startTime, retryCount, hooks } = task.result ?? {};
  // The runner's own moment counts the hooks and all attempts in; where there were any, the time left is not known.
  const known = startTime !== undefined && retryCount === 0 && hooks?.beforeEach === undefined;
  began.set(task, systemClock.now() - (known ? Math.max(0, systemClock.wall() - startTime) : 0));
}

/** How long the test's function may still run, in milliseconds; infinite where it has no limit or it is not known. */
export function timeLeft(task: RunnerTestCase | undefined): Millis {
  if (task === undefined || !(task.timeout > 0) || task.timeout === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
  // A hook has a limit of its own, which the runner does not tell.
  if (task.result?.hooks?.beforeEach === 'run' || task.result?.hooks?.afterEach === 'run' || task.result?.state === 'pass')
    return Number.POSITIVE_INFINITY;
  const start = began.get(task);
  return start === undefined ? task.timeout : task.timeout - (systemClock.now() - start);
}

function asyncStorage(): AsyncLocalStorage<RunnerTestCase> | undefined {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const hooks = process?.getBuiltinModule?.('node:async_hooks');
  return hooks === undefined ? undefined : new hooks.AsyncLocalStorage();
}
