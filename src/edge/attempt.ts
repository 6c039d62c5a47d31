import { systemClock, type Millis } from '../time/index.ts';
import { afterAllTests, finishAll, type Owner } from './owner.ts';

/** One attempt at one test, kept by an edge whose runner tells when it begins and ends, and little else. */
export class Attempt implements Owner {
  readonly name: string;
  timeout: Millis;
  state: Owner['state'];
  /** The runner does not tell when it ends. */
  unattended = false;
  readonly #controller: AbortController = new AbortController();
  #began: Millis | undefined;
  #finishers: (() => Promise<void>)[] = [];
  #over = false;

  /** @param timeout in milliseconds; infinite where the test has none or the runner does not tell */
  constructor(name: string, timeout: Millis = Number.POSITIVE_INFINITY) {
    this.name = name;
    this.timeout = timeout;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Its function is called: its time runs from now. */
  begins(): void {
    this.#began = systemClock.now();
  }

  timeLeft(): Millis {
    if (this.#began === undefined || !(this.timeout > 0)) return Number.POSITIVE_INFINITY;
    return this.timeout - (systemClock.now() - this.#began);
  }

  atTheEnd(finish: () => Promise<void>): void {
    if (this.#over) afterAllTests(finish);
    else this.#finishers.push(finish);
  }

  /** The runner gave it up, for this reason. */
  aborts(reason: string): void {
    this.#controller.abort(new Error(reason));
  }

  /** A part of it has ended, its function or a hook: whatever was called there must have been awaited by now. */
  async ends(): Promise<readonly unknown[]> {
    this.#began = undefined;
    const ending = this.#finishers;
    this.#finishers = [];
    return finishAll(ending);
  }

  /** All of it has ended. */
  close(): void {
    this.#over = true;
  }
}
