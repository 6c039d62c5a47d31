import { followed, Loose, quiet } from './loose.ts';
import type { Owner } from './owner.ts';
import { watchOver, type Open, type Pending } from './pending.ts';
import { at, type Site } from './site.ts';

/** What the runner gets, and hands on to the user. */
export type Tracked<T> = PromiseLike<T>;

/** One call of a matcher, from the call to its settling, tied to the test that made it. */
export class Waiting<T> implements Pending {
  readonly label: string;
  readonly site: Site;
  readonly soft: boolean;
  settled = false;
  cutOff: { readonly error: unknown } | undefined;
  readonly #owner: Owner | undefined;
  /** What its test still asks about, of which it is one. */
  #open: Open;
  /** How often the result must still be asked for, by the runner itself and then by the user. */
  #needed: number;
  #settling: Promise<T> | undefined;
  #loose: Loose | undefined;

  /**
   * @param asks how often the runner asks for the outcome by itself, before it hands it on
   * @param soft the runner keeps a failure by itself
   */
  constructor(label: string, site: Site, asks: number, soft: boolean, owner: Owner | undefined) {
    this.label = label;
    this.site = site;
    this.soft = soft;
    this.#needed = asks + 1;
    this.#owner = owner;
    this.#open = watchOver(this, owner);
  }

  /** Aborts when nobody waits any more: the test has ended. */
  get signal(): AbortSignal {
    return this.#open.signal;
  }

  get asked(): boolean {
    return this.#needed <= 0;
  }

  track(promise: Promise<T>): Tracked<T> {
    const { signal } = this;
    const settling = quiet(
      promise.then(
        (result) => {
          this.#settle();
          return result;
        },
        (error: unknown) => {
          const told = at(error, this.site);
          if (signal.aborted) this.cutOff = { error: told };
          this.#settle();
          throw told;
        },
      ),
    );
    this.#settling = settling;
    return {
      then: (onFulfilled, onRejected) =>
        followed(
          quiet(settling.then(onFulfilled, onRejected)),
          () => this.#looseOf(),
          () => this.#ask(),
        ),
    };
  }

  async end(): Promise<void> {
    await this.#settling?.catch(() => undefined);
  }

  close(): readonly unknown[] {
    return this.#loose?.close() ?? NONE;
  }

  #settle(): void {
    this.settled = true;
    this.#done();
  }

  #ask(): boolean {
    this.#needed--;
    this.#done();
    return this.asked;
  }

  /** Asked for, and settled: there is nothing to tell at the end, and thousands of calls must not be kept until then. */
  #done(): void {
    if (this.settled && this.asked && this.cutOff === undefined && this.#loose === undefined) this.#open.calls.delete(this);
  }

  #looseOf(): Loose {
    if (this.#loose !== undefined) return this.#loose;
    // There is something to look after again, also where the end was told already.
    this.#open = watchOver(this, this.#owner);
    return (this.#loose = new Loose());
  }
}

const NONE: readonly never[] = [];
