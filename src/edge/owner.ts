import { isError } from '../errors.ts';
import type { Millis } from '../time/index.ts';

/** The test that made a call, as its runner tells of it: the same object for all of its calls. */
export interface Owner {
  readonly name: string;
  /** How long its function may run in all, in milliseconds. */
  readonly timeout: Millis;
  /** How long it may still run; infinite where it has no limit or the runner does not tell. */
  timeLeft(): Millis;
  /** Aborts when the runner gives the test up: it timed out, or the run was cancelled. */
  readonly signal: AbortSignal;
  /** The runner is done with it: nothing that still happens in it can be told. */
  readonly over: boolean;
  /** Nobody tells of its end: what was opened for a call is closed with that. */
  readonly unattended?: boolean | undefined;
  /** `skip`: it has nothing to answer for; `fail`: it has failed already, and needs no second reason. */
  readonly state: 'skip' | 'fail' | undefined;
  /** Has this done when the test ends; what it throws fails the test. */
  atTheEnd(finish: () => Promise<void>): void;
}

/** What is still to be looked after outside of a test, in a hook of a whole suite. */
const outside: Set<() => Promise<void>> = new Set();

/** Has this done at the end of the file: its test takes no more of them, or there is none. */
export function afterAllTests(finish: () => Promise<void>): void {
  outside.add(finish);
}

/** The end of a file: whatever was called outside of its tests must have been awaited by now. */
export async function leave(): Promise<void> {
  const ending = [...outside];
  outside.clear();
  const errors = await finishAll(ending);
  if (errors.length > 0) throw inOne(errors);
}

/** What several calls have to tell at once. */
export class Several extends AggregateError {
  constructor(errors: readonly unknown[]) {
    super(errors, `${errors.length} calls failed:${errors.map((error) => `\n- ${firstLine(error)}`).join('')}`);
  }
}

/** All of it in one error, where a runner takes no more than one. */
export function inOne(errors: readonly unknown[]): unknown {
  return errors.length === 1 ? errors[0] : new Several(errors);
}

/** What the calls of a test that has ended still have to tell, in the order in which they were made. */
export async function finishAll(ending: readonly (() => Promise<void>)[]): Promise<readonly unknown[]> {
  const ended = await Promise.allSettled(ending.map((finish) => finish()));
  return ended.flatMap((one): readonly unknown[] => (one.status === 'rejected' ? eachOf(one.reason) : []));
}

/** One error, or each of several. */
function eachOf(reason: unknown): readonly unknown[] {
  return reason instanceof Several ? reason.errors : [reason];
}

function firstLine(error: unknown): string {
  return (isError(error) ? error.message : String(error)).split('\n', 1)[0]!;
}
