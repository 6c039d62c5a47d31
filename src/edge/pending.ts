import { TestRunner, type RunnerTestCase } from 'vitest';
import { notAwaited, stillWaiting, testOver } from '../edge/refusals.ts';
import { at, type Site } from '../edge/site.ts';
import { HarnessError } from '../errors.ts';
import { concurrentTest, enterLate, isOver, runningTests } from './attempt.ts';
import { failSoftly } from './soft.ts';

/** A call that its test must await, as far as the end of the test is concerned. */
export interface Pending {
  /** `eventually(…).toBe()`. */
  readonly label: string;
  readonly site: Site;
  /** Somebody asked for its outcome. */
  readonly asked: boolean;
  readonly settled: boolean;
  /** What it failed with because the test ended, in a box. */
  readonly cutOff: { readonly error: unknown } | undefined;
  /** The failure is noted on the test, not thrown. */
  readonly soft: boolean;
  /** Gives up: the test has ended. */
  end(why: string): Promise<void>;
}

/** One set per attempt at a test: thousands of calls must not leave a hook each. */
const ofTest: WeakMap<RunnerTestCase, Set<Pending>> = new WeakMap();
/** Calls outside of tests, in hooks of a whole suite. */
const outside: Set<Pending> = new Set();

/**
 * The test that makes a call. `eventually` is imported, not taken from a test's context, so while several tests run concurrently
 * it is known by the asynchronous context; where that tells nothing, guessing could blame the wrong test.
 *
 * @throws HarnessError `which-test`, `test-over`
 */
export function owner(pending: Pick<Pending, 'label' | 'site'>): RunnerTestCase | undefined {
  const actual = concurrentTest();
  const running = runningTests();
  if (actual !== undefined && running.has(actual)) return actual;
  if (running.size === 0) {
    const current = TestRunner.getCurrentTest();
    if (current?.type !== 'test') {
      if (actual !== undefined && isOver(actual)) throw over(pending, actual);
      return undefined;
    }
    if (isOver(current)) throw over(pending, current);
    enterLate(current);
    return current;
  }
  const [only] = running;
  if (running.size === 1 && only?.concurrent !== true) return only;
  throw at(
    new HarnessError(
      'which-test',
      `${pending.label} was called while ${running.size === 1 ? 'a concurrent test runs' : `${running.size} tests run concurrently`}, from where it cannot be told which of them it belongs to`,
      "call it in the test function or in what that awaits, not in another's callback; or run the tests one after another",
    ),
    pending.site,
  );
}

function over({ label, site }: Pick<Pending, 'label' | 'site'>, task: RunnerTestCase): unknown {
  return at(testOver(label, task), site);
}

/** From now on the end of the test looks after this call, until it is taken out of the set that is given back. */
export function watchOver(pending: Pending, task: RunnerTestCase | undefined): Set<Pending> {
  // One test makes many calls in a row.
  if (task === undefined || task !== latest?.task) {
    const all = (task === undefined ? undefined : (ofTest.get(task) ?? opened(task))) ?? outside;
    latest = { task, all };
  }
  latest.all.add(pending);
  return latest.all;
}

let latest: { readonly task: RunnerTestCase | undefined; readonly all: Set<Pending> } | undefined;

function opened(task: RunnerTestCase): Set<Pending> | undefined {
  try {
    task.context.onTestFinished(() => finish(task));
  } catch {
    // Within onTestFinished and onTestFailed the runner takes no more of them.
    return undefined;
  }
  const all = new Set<Pending>();
  ofTest.set(task, all);
  return all;
}

async function finish(task: RunnerTestCase): Promise<void> {
  const all = [...(ofTest.get(task) ?? [])];
  ofTest.delete(task);
  latest = undefined;
  const errors = await endAll(all, task);
  // The runner takes one error from a hook; the others are noted beside it.
  for (const error of errors.slice(0, -1)) failSoftly(task, error);
  if (errors.length > 0) throw errors.at(-1);
}

/** The end of a file: whatever was called outside of its tests must have been awaited by now. */
export async function leaveForms(): Promise<void> {
  const all = [...outside];
  outside.clear();
  const errors = await endAll(all, undefined);
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'several calls were not awaited');
}

async function endAll(all: readonly Pending[], task: RunnerTestCase | undefined): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  const left = new Set(all.filter((one) => !one.settled));
  await Promise.all([...left].map((one) => one.end(task === undefined ? 'the hook ended' : 'the test ended')));
  const signal = task?.context.signal;
  const state = task?.result?.state;
  // A run that was cancelled, and a test that skipped itself, have nothing to answer for.
  if (state === 'skip') return errors;
  for (const one of all) {
    if (!one.asked) errors.push(at(notAwaited(one.label), one.site));
    // The runner reports only that the test timed out; this says what was pending, and what had been seen of it.
    else if (one.cutOff !== undefined && !one.soft && signal?.aborted === true) errors.push(one.cutOff.error);
    else if (left.has(one) && state !== 'fail') errors.push(at(stillWaiting(one.label), one.site));
  }
  return errors;
}
