import { HarnessError } from '../errors.ts';
import * as matchers from '../matchers/index.ts';
import type { Call } from './form.ts';

/**
 * What `eventually(fn)` gives back: to be awaited as it is, or to be asked for any matcher of the runner.
 *
 * A name that it does not have is looked for in the prototype of its prototype, where a proxy makes a word of the chain of it. So
 * a block that is awaited as it is, which most are, never meets a proxy.
 */
export class Fluent<T> {
  readonly #call: Call<T>;

  constructor(call: Call<T>) {
    this.#call = call;
  }

  then<A, B>(
    onFulfilled?: ((value: Awaited<T> | undefined) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const call = this.#call;
    const { passed } = call;
    // What `await` calls hands in both. Of what comes of one alone, somebody is to ask in its turn.
    if (typeof onRejected !== 'function') return call.derived(call.ask().then(onFulfilled));
    if (passed === undefined || typeof onFulfilled !== 'function') return call.ask().then(onFulfilled, onRejected);
    // What `await` does of what passed at once, without a promise that nobody else sees.
    call.answered();
    return SOON.then(() => onFulfilled(passed.value));
  }

  catch<B>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Awaited<T> | undefined | B> {
    const caught = this.#call.ask().catch(onRejected);
    return typeof onRejected === 'function' ? caught : this.#call.derived(caught);
  }

  finally(onFinally?: (() => void) | null): Promise<Awaited<T> | undefined> {
    return this.#call.derived(this.#call.ask().finally(onFinally));
  }

  get [Symbol.toStringTag](): string {
    return 'Promise';
  }

  static word<T>(fluent: Fluent<T>, key: string): unknown {
    const call = fluent.#call;
    const found = call.edge.kindOf(key);
    if (found === undefined) {
      // A matcher that is not there: the error at its line is enough.
      if (/^to[A-Z]/.test(key)) call.drop();
      return undefined;
    }
    if (key in matchers) {
      call.drop();
      throw new HarnessError(
        'already-polled',
        `${call.label}.${key}() polls twice: ${key} waits by itself`,
        `write await expect(fn).${key}(…)`,
      );
    }
    if (/snapshot/i.test(key)) {
      call.drop();
      throw new HarnessError(
        'snapshot-retried',
        `${call.label}.${key}() cannot be tried again and again: each attempt would write a snapshot`,
        `await the value first: const value = await ${call.form.word}(fn); expect(value).${key}()`,
      );
    }
    if (found === 'method') {
      const matcher = (...args: readonly unknown[]): Fluent<T> => {
        const limit = Error.stackTraceLimit;
        Error.stackTraceLimit = 2;
        const line = new Error();
        Error.stackTraceLimit = limit;
        return new Fluent(call.with({ key, args }, matcher, line));
      };
      return matcher;
    }
    // A word such as `not` or `to`, an assertion such as `true`, or one that may be called too, such as `a`.
    const next = new Fluent(call.with({ key }, trap));
    const word = (...args: readonly unknown[]): Fluent<T> => new Fluent(next.#call.called(args, word));
    return new Proxy(word, {
      get: (_target, name) => {
        const value: unknown = Reflect.get(next, name, next);
        return typeof value === 'function' && (name === 'then' || name === 'catch' || name === 'finally')
          ? value.bind(next)
          : value;
      },
    });
  }
}

const SOON = Promise.resolve();

function trap(_target: object, key: string | symbol, receiver: unknown): unknown {
  return typeof key === 'string' && receiver instanceof Fluent
    ? Fluent.word(receiver, key)
    : Reflect.get(Object.prototype, key, receiver);
}

Object.setPrototypeOf(Fluent.prototype, new Proxy(Object.prototype, { get: trap }));
