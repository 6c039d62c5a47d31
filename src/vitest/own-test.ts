import { TestRunner, type RunnerTestCase } from 'vitest';
import type { Pending } from '../edge/pending.ts';
import { testOver, whichTest } from '../edge/refusals.ts';
import { at } from '../edge/site.ts';
import { concurrentTest, enterLate, isOver, runningTests } from './attempt.ts';

/**
 * The test that makes a call. `eventually` and `defaults` are imported, not taken from a test's context, so while several tests run concurrently
 * it is known by the asynchronous context; where that tells nothing, guessing could blame the wrong test.
 *
 * @throws HarnessError `which-test`, `test-over`
 */
export function ownTask(call: Pick<Pending, 'label' | 'site'>): RunnerTestCase | undefined {
  const actual = concurrentTest();
  const running = runningTests();
  if (actual !== undefined && running.has(actual)) return actual;
  if (running.size === 0) {
    const current = TestRunner.getCurrentTest();
    if (current?.type !== 'test') {
      if (actual !== undefined && isOver(actual)) throw at(testOver(call.label, actual), call.site);
      return undefined;
    }
    if (isOver(current)) throw at(testOver(call.label, current), call.site);
    enterLate(current);
    return current;
  }
  const [only] = running;
  if (running.size === 1 && only?.concurrent !== true) return only;
  throw at(whichTest(call.label, running.size), call.site);
}
