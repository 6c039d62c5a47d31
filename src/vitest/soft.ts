import { chai, type RunnerTestCase } from 'vitest';

/** An assertion of the runner's that is tied to a test, and counted nowhere. */
export function assertionFor(task: RunnerTestCase | undefined, value: unknown, message?: string): Chai.Assertion {
  const assertion = chai.expect(value, message);
  if (task !== undefined) chai.util.flag(assertion, 'vitest-test', task);
  return assertion;
}

/**
 * Fails a test without ending it, as `expect.soft` does. The runner has no call for that but a soft assertion that fails; one
 * whose predicate throws fails with what was thrown.
 */
export function failSoftly(task: RunnerTestCase, error: unknown): void {
  const assertion = assertionFor(task, undefined);
  chai.util.flag(assertion, 'soft', true);
  (assertion as unknown as { toSatisfy(predicate: () => boolean): void }).toSatisfy(() => {
    throw error;
  });
}
