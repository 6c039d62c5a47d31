import type { RunnerTestCase } from 'vitest';
import { afterAllTests, finishAll, type Owner } from '../edge/owner.ts';
import type { Millis } from '../time/index.ts';
import { isOver, timeLeft } from './attempt.ts';
import { failSoftly } from './soft.ts';

/** A test of Vitest's, as what all runners share knows it. */
class Test implements Owner {
  readonly task: RunnerTestCase;

  constructor(task: RunnerTestCase) {
    this.task = task;
  }

  get name(): string {
    return this.task.name;
  }

  get timeout(): Millis {
    return this.task.timeout;
  }

  timeLeft(): Millis {
    return timeLeft(this.task);
  }

  get signal(): AbortSignal {
    return this.task.context.signal;
  }

  get over(): boolean {
    return isOver(this.task);
  }

  get state(): Owner['state'] {
    const state = this.task.result?.state;
    return state === 'skip' || state === 'fail' ? state : undefined;
  }

  atTheEnd(finish: () => Promise<void>): void {
    try {
      this.task.context.onTestFinished(() => this.#finish(finish));
    } catch {
      // Within onTestFinished and onTestFailed the runner takes no more of them.
      afterAllTests(finish);
    }
  }

  /** The runner takes one error from a hook; the others are noted beside it. */
  async #finish(finish: () => Promise<void>): Promise<void> {
    const errors = await finishAll([finish]);
    for (const error of errors.slice(0, -1)) failSoftly(this.task, error);
    if (errors.length > 0) throw errors.at(-1);
  }
}

const owners: WeakMap<RunnerTestCase, Test> = new WeakMap();
let latest: Test | undefined;

export function ownerOf(task: RunnerTestCase): Owner {
  // One test makes many calls in a row.
  if (latest?.task === task) return latest;
  let owner = owners.get(task);
  if (owner === undefined) owners.set(task, (owner = new Test(task)));
  return (latest = owner);
}

export function taskOf(owner: Owner | undefined): RunnerTestCase | undefined {
  return owner instanceof Test ? owner.task : undefined;
}
