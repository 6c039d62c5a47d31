import type { RunnerTestCase } from 'vitest';
import { afterAllTests, finishAll, type Owner } from '../edge/waiting.ts';
import type { Millis } from '../time/index.ts';
import { isOver, timeLeft } from './attempt.ts';
import { failSoftly } from './soft.ts';

/** A test of Vitest's, as what all runners share knows it. */
class Test implements Owner {
  readonly task: RunnerTestCase;
  /** What is left for the end of the attempt: one hook of the runner's for all, as each hook costs more than a matcher. */
  #endings: Set<() => Promise<void>> | undefined;

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

  atTheEnd(finish: () => Promise<void>): (() => void) | void {
    const all = (this.#endings ??= this.#opened());
    if (all === undefined) return afterAllTests(finish);
    all.add(finish);
    return () => void all.delete(finish);
  }

  #opened(): Set<() => Promise<void>> | undefined {
    try {
      this.task.context.onTestFinished(() => this.#finish());
    } catch {
      // Within onTestFinished and onTestFailed the runner takes no more of them.
      return undefined;
    }
    return new Set();
  }

  /** The latest first, as the runner would. It takes one error from a hook; the others are noted beside it. */
  async #finish(): Promise<void> {
    const all = [...(this.#endings ?? [])].toReversed();
    this.#endings = undefined;
    const errors: unknown[] = [];
    for (const finish of all) errors.push(...(await finishAll([finish])));
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
