/**
 * A promise that tells when somebody asks for its outcome.
 *
 * @param loose where that is noted which is derived from it then, and passes a failure on
 * @param asked is told of each asking, and answers whether that was enough; before, it was the runner that asked
 */
export function followed<T>(promise: Promise<T>, loose: () => Loose, asked: () => boolean): Promise<T> {
  const next = <U>(made: Promise<U>, handled: boolean): Promise<U> => {
    if (!asked()) return followed(quiet(made), loose, asked);
    return handled ? made : loose().derived(made);
  };
  return {
    // What `await` calls hands in both, and is done with it.
    then: (onFulfilled, onRejected) => next(promise.then(onFulfilled, onRejected), typeof onRejected === 'function'),
    catch: (onRejected) => next(promise.catch(onRejected), typeof onRejected === 'function'),
    finally: (onFinally) => next(promise.finally(onFinally), false),
    [Symbol.toStringTag]: 'Promise',
  };
}

/** Whoever forgot to await is told at the end of the test; the runner must not blame another test for a rejection. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing);
  return promise;
}

/** What came of promises that were derived from a call, and that nobody has asked for yet: `.then(…)` without await. */
export class Loose {
  readonly #all: Set<{ error?: unknown }> = new Set();
  /** The test has ended: what comes now can be told to nobody. */
  #over = false;

  /** A promise that passes a failure on: it may be asked for in its turn. */
  derived<T>(promise: Promise<T>): Promise<T> {
    const one: { error?: unknown } = {};
    this.#all.add(one);
    promise.catch((error: unknown) => {
      // Too late for the test to be told: let it be the unhandled rejection that it is.
      if (this.#over && this.#all.has(one)) throw error;
      one.error = error;
    });
    return followed(
      promise,
      () => this,
      () => {
        this.#all.delete(one);
        return true;
      },
    );
  }

  /** The end of the test: what nobody asked for, and failed. */
  close(): readonly unknown[] {
    this.#over = true;
    return [...this.#all].flatMap((one): unknown[] => ('error' in one ? [one.error] : []));
  }
}

function nothing(): void {}
