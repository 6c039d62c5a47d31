import type { Millis } from '../time/index.ts';

/** Into how many parts the keys are dealt: a change copies one of them. */
const BUCKETS = 64;

interface Bucket<T> {
  readonly of: ReadonlyMap<string, T>;
  /** The earliest deadline in it. */
  readonly by: Millis | undefined;
}

/**
 * A map that is never changed: one with a changed entry is a new one, which shares all but a small part with the old. A step of a
 * judge changes one entry of thousands, and may have to be thought back.
 */
export class Parts<T> {
  readonly #buckets: readonly (Bucket<T> | undefined)[];
  readonly #deadline: (value: T) => Millis | undefined;
  /** The earliest deadline of all. */
  readonly by: Millis | undefined;

  constructor(deadline: (value: T) => Millis | undefined, buckets: readonly (Bucket<T> | undefined)[] = []) {
    this.#deadline = deadline;
    this.#buckets = buckets;
    this.by = least(buckets);
  }

  get(key: string): T | undefined {
    return this.#buckets[bucketOf(key)]?.of.get(key);
  }

  with(key: string, value: T): Parts<T> {
    const index = bucketOf(key);
    const of = new Map(this.#buckets[index]?.of).set(key, value);
    let by: Millis | undefined;
    for (const one of of.values()) by = earlier(by, this.#deadline(one));
    // A list without holes: those are slow to copy.
    const buckets = this.#buckets.length === 0 ? Array.from<Bucket<T> | undefined>({ length: BUCKETS }) : [...this.#buckets];
    buckets[index] = { of, by };
    return new Parts(this.#deadline, buckets);
  }

  /** Entries whose deadline may be over at this moment. */
  *overdue(at: Millis): Iterable<readonly [string, T]> {
    for (const bucket of this.#buckets) if (bucket?.by !== undefined && at > bucket.by) yield* bucket.of;
  }

  *values(): Iterable<T> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.of.values();
  }
}

function least(buckets: readonly (Bucket<unknown> | undefined)[]): Millis | undefined {
  let by: Millis | undefined;
  for (const bucket of buckets) by = earlier(by, bucket?.by);
  return by;
}

function earlier(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a;
}

/** FNV-1a: keys that count up, as most do, are spread. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % BUCKETS;
}
