import { HarnessError, show } from '../errors.ts';
import { NO_NEWS, type LookContext, type Looked, type Pull } from '../watch/index.ts';

/** What was read of an effect, as the trace keeps it. */
export type Reading =
  | { readonly count: number }
  | { readonly balance: number }
  /** How often each key was done; `more` where there were more keys than are kept. */
  | { readonly done: Readonly<Record<string, number>>; readonly more?: true };

/** What an operation did to the world, read from outside. A source like any other: what it reads is an observation. */
export interface Effect extends Pull {
  readonly kind: 'count' | 'balance' | 'ledger' | 'mails';
  readonly stateless: true;
  /** Reads it now, and records nothing. */
  read(): Promise<Reading>;
}

/** How many keys of a ledger are kept in one reading. */
export const MAX_KEYS = 10_000;

/**
 * What all kinds share.
 *
 * @param take makes a reading of what was given; throws for what is none
 */
export function effectOf<T>(
  kind: Effect['kind'],
  name: string,
  read: () => T | PromiseLike<T>,
  take: (given: T) => Reading,
): Effect {
  if (typeof name !== 'string' || name === '' || typeof read !== 'function')
    throw new HarnessError(
      'invalid-effect',
      `${kind}: expected a name and a function that reads it, received ${show(name)} and ${typeof read}`,
      `write ${kind}('charges', () => …)`,
    );
  return new Reader(kind, name, read, take);
}

class Reader<T> implements Effect {
  readonly kind: Effect['kind'];
  readonly name: string;
  readonly stateless = true;
  readonly #read: () => T | PromiseLike<T>;
  readonly #take: (given: T) => Reading;
  #last: string | undefined;

  constructor(kind: Effect['kind'], name: string, read: () => T | PromiseLike<T>, take: (given: T) => Reading) {
    this.kind = kind;
    this.name = name;
    this.#read = read;
    this.#take = take;
  }

  async read(): Promise<Reading> {
    return this.#take(await (0, this.#read)());
  }

  async look({ fresh }: Pick<LookContext, 'fresh'>): Promise<Looked> {
    if (fresh) this.#last = undefined;
    let value: Reading;
    try {
      value = await this.read();
    } catch (error) {
      // After a failure even the same is news.
      this.#last = undefined;
      throw error;
    }
    const text = JSON.stringify(value);
    if (text === this.#last) return NO_NEWS;
    this.#last = text;
    return { events: [{ kind: 'value', value }] };
  }
}

/** @throws HarnessError `invalid-effect` */
export function refused(kind: Effect['kind'], name: string, expected: string, received: unknown): never {
  throw new HarnessError(
    'invalid-effect',
    `${kind} '${name}': expected its function to give ${expected}, received ${show(received)}`,
    'look at what the function reads: it is called again and again, and must not change anything',
  );
}

/** How often each key comes. */
export function tallyOf(keys: readonly string[]): Reading {
  const done = new Map<string, number>();
  for (const key of keys) {
    if (done.size >= MAX_KEYS && !done.has(key)) return { done: sorted(done), more: true };
    done.set(key, (done.get(key) ?? 0) + 1);
  }
  return { done: sorted(done) };
}

/** In the order of the keys, so that the same is read as the same. */
function sorted(done: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...done].sort(([a], [b]) => (a < b ? -1 : 1)));
}
