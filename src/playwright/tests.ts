import { expect, test, type TestInfo } from '@playwright/test';
import { Attempt } from '../edge/attempt.ts';
import type { Owner } from '../edge/owner.ts';
import { isError } from '../errors.ts';
import { systemClock } from '../time/index.ts';

/** One attempt at one test: Playwright makes a new `TestInfo` for a retry. */
const attempts: WeakMap<TestInfo, Attempt> = new WeakMap();
const infos: WeakMap<Owner, TestInfo> = new WeakMap();

/** What Playwright has of a test. */
export function infoOf(owner: Owner): TestInfo | undefined {
  return infos.get(owner);
}

/** The test whose code runs: a worker runs one at a time. Undefined in a hook of a whole suite. */
export function currentTest(): { readonly info: TestInfo; readonly attempt: Attempt } | undefined {
  const info = currentInfo();
  if (info === undefined) return undefined;
  const attempt = attempts.get(info) ?? unattended(info);
  // The test may have changed it since.
  attempt.timeout = info.timeout;
  return { info, attempt };
}

function currentInfo(): TestInfo | undefined {
  try {
    return test.info();
  } catch {
    return undefined;
  }
}

function kept(info: TestInfo): Attempt {
  const attempt = new Attempt(info.title, info.timeout);
  attempts.set(info, attempt);
  infos.set(attempt, info);
  return attempt;
}

/** A test of Playwright's own `test`, of which only the matchers tell. */
function unattended(info: TestInfo): Attempt {
  const attempt = kept(info);
  attempt.unattended = true;
  return attempt;
}

/** The test begins: its time runs from here, hooks and fixtures counted in. */
export function enter(info: TestInfo): Attempt {
  const attempt = kept(info);
  attempt.begins();
  return attempt;
}

/** The test has ended, hooks and all: whatever was called in it must have been awaited by now. */
export async function exit(info: TestInfo): Promise<void> {
  const attempt = attempts.get(info);
  if (attempt === undefined) return;
  if (info.status === 'timedOut') attempt.aborts(`the test timed out after ${info.timeout} ms`);
  if (info.status === 'skipped' || info.status === 'interrupted') attempt.state = 'skip';
  else if (info.status !== undefined && info.status !== 'passed') attempt.state = 'fail';
  const found = await attempt.ends();
  attempt.close();
  // A test function that was left alone as it timed out fails now with what it waited for, and may tell it by itself.
  if (info.status === 'timedOut') await systemClock.sleep(0);
  const errors = found.filter((error) => !info.errors.some(({ message = '' }) => message.includes(messageOf(error))));
  // A fixture takes one error; the others are noted beside it.
  for (const error of errors.slice(0, -1)) noting(error);
  if (errors.length > 0) throw errors.at(-1);
}

function messageOf(error: unknown): string {
  return isError(error) ? error.message : String(error);
}

/** Has a failure noted on the test without ending it. */
export function noting(error: unknown): void {
  const fails = expect.extend({
    'holdfast:fails'() {
      throw error;
    },
  });
  (fails.soft(undefined) as unknown as { 'holdfast:fails'(): void })['holdfast:fails']();
}
