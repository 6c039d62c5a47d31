import { HarnessError } from '../errors.ts';
import type { Millis } from '../time/index.ts';

/** What is told of a call that cannot work, or that its test did not wait for: the same words under every runner. */

export function asymmetricForm(name: string): HarnessError {
  return new HarnessError(
    'asymmetric-form',
    `expect.${name}() inside another matcher cannot work: it waits, and an asymmetric matcher must answer at once`,
    `assert it on its own: await expect(operation).${name}(…)`,
  );
}

export function alreadyPolled(name: string): HarnessError {
  return new HarnessError(
    'already-polled',
    `expect.poll(…).${name}() polls twice: ${name} waits by itself`,
    `write await expect(fn).${name}(…)`,
  );
}

/** @param remedy what to write instead, in the words of this runner */
export function globalExpect(name: string, running: number, remedy: string): HarnessError {
  const many = running < 2 ? 'in a concurrent test' : `while ${running} tests run concurrently`;
  return new HarnessError(
    'global-expect',
    `${name} was called on the global expect ${many}, so it cannot tell which of them it belongs to`,
    remedy,
  );
}

export function notAwaited(label: string): HarnessError {
  return new HarnessError(
    'not-awaited',
    `${label} was not awaited, so the test could end before it was decided`,
    `write await ${label}`,
  );
}

/** @param running how many tests are under way */
export function whichTest(label: string, running: number): HarnessError {
  return new HarnessError(
    'which-test',
    `${label} was called while ${running === 1 ? 'a concurrent test runs' : `${running} tests run concurrently`}, from where it cannot be told which of them it belongs to`,
    "call it in the test function or in what that awaits, not in another's callback; or run the tests one after another",
  );
}

export function testOver(label: string, test: { readonly name: string }): HarnessError {
  return new HarnessError(
    'test-over',
    `${label} was called when its test '${test.name}' had ended, so nobody would be told of its outcome`,
    'await whatever calls it before the end of the test',
  );
}

/** @param where what has ended: the test, or a hook */
export function stillWaiting(label: string, where: string): HarnessError {
  return new HarnessError(
    'not-awaited',
    `${label} was still undecided when ${where} ended`,
    `await it before the end of ${where}: await ${label}`,
  );
}

/** The time to ask for where so much is needed: a second more, in whole seconds. */
export function moreTime(needed: Millis): Millis {
  return Math.ceil((needed + 1000) / 1000) * 1000;
}
