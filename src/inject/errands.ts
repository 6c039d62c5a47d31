import { HarnessError, show } from '../errors.ts';
import type { Trace } from '../trace/index.ts';

/**
 * What an injector has others do, which takes its time: one after the other, so that no undoing overtakes what it undoes. What goes
 * wrong while nobody waits is kept until this injector is closed.
 */
export class Errands {
  readonly #name: string;
  readonly #trace: Trace;
  readonly #failed: Error[] = [];
  #row: Promise<void> = Promise.resolve();

  constructor(name: string, trace: Trace) {
    this.#name = name;
    this.#trace = trace;
  }

  /** Somebody waits for it, and hears what goes wrong. */
  ordered<T>(what: () => Promise<T>): Promise<T> {
    const mine = this.#row.then(what);
    this.#row = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }

  /** Nobody waits for what is due by time. */
  async unattended(what: () => Promise<void>): Promise<void> {
    try {
      await this.ordered(what);
    } catch (error) {
      this.#failed.push(errorOf(error));
      this.#trace.record(this.#name, { kind: 'error', name: 'HarmFailed', message: `${this.#name}: ${whyOf(error)}` });
    }
  }

  /** Resolves when all that was ordered so far is done. */
  async settled(): Promise<void> {
    await this.#row;
  }

  /**
   * Throws what went wrong since it was asked last.
   *
   * @param left what is still harmed, in words; undefined where all is undone
   * @param journal the file that keeps it
   * @throws HarnessError `not-healed`; whatever went wrong, where all is undone
   */
  throwFailed(left: string | undefined, journal: string | undefined): void {
    const [failed] = this.#failed.splice(0);
    if (failed === undefined) return;
    if (left === undefined) throw failed;
    throw new HarnessError(
      'not-healed',
      `${this.#name}: not all could be undone${left}: ${whyOf(failed)}`,
      `mend what it says, then: holdfast heal${journal === undefined ? '' : ` ${journal}`}`,
      { cause: failed },
    );
  }
}

/** Does all; what fails does not keep the others from it. Throws the first failure. */
export async function allOf<T>(each: Iterable<T>, what: (one: T) => Promise<void>): Promise<void> {
  let failed: Error | undefined;
  for (const one of each) {
    try {
      await what(one);
    } catch (error) {
      failed ??= errorOf(error);
    }
  }
  if (failed !== undefined) throw failed;
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(whyOf(error));
}

/** The first line of what an error says. */
export function whyOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n', 1)[0]! : show(error);
}
