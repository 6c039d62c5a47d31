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
    const asked = <U>(next: Promise<U>, handled: boolean): Promise<U> => {
      this.#all.delete(one);
      return handled ? next : this.derived(next);
    };
    return {
      // What `await` calls hands in both, and is done with it.
      then: (onFulfilled, onRejected) => asked(promise.then(onFulfilled, onRejected), typeof onRejected === 'function'),
      catch: (onRejected) => asked(promise.catch(onRejected), typeof onRejected === 'function'),
      finally: (onFinally) => asked(promise.finally(onFinally), false),
      [Symbol.toStringTag]: 'Promise',
    };
  }

  /** The end of the test: what nobody asked for, and failed. */
  close(): readonly unknown[] {
    this.#over = true;
    return [...this.#all].flatMap((one): unknown[] => ('error' in one ? [one.error] : []));
  }
}
