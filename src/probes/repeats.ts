/** How many ids, and how many contents, are remembered; the oldest give way. */
const MAX_REMEMBERED = 10_000;

/** Loaded when something is first told: most who import the probes are told nothing. */
const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

/** What is told again: the same id with the same content. Another content under a known id is news. */
export interface Repeat {
  /** How often this id has come, counted from 1. */
  readonly times: number;
  /** How often it has come with this very content, counted from 1. */
  readonly same: number;
}

/** Remembers what was told under which id. */
export class Repeats {
  readonly #ids = new Map<string, number>();
  readonly #contents = new Map<string, number>();

  /** @param content what it tells: kept as its digest */
  saw(id: string, ...content: readonly (string | Uint8Array)[]): Repeat {
    const digest = crypto().createHash('sha256');
    // So that what one part ends with is not what the next begins with.
    for (const part of content) digest.update(`${part.length}\n`).update(part);
    const times = (this.#ids.get(id) ?? 0) + 1;
    remember(this.#ids, id, times);
    const key = `${digest.digest('base64')} ${id}`;
    const same = (this.#contents.get(key) ?? 0) + 1;
    remember(this.#contents, key, same);
    return { times, same };
  }
}

/** Keeps a value as the newest, within a bound. */
export function remember<T>(known: Map<string, T>, key: string, value: T): void {
  known.delete(key);
  known.set(key, value);
  if (known.size > MAX_REMEMBERED) known.delete(known.keys().next().value!);
}
