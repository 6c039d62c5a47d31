import { brief } from './brief.ts';
import { canonical } from './canonical.ts';

/** How many differing places are counted; a value with more of them is as far off as one with so many. */
export const MAX_DIFFERENCES = 100;
/** How many of them are told. */
export const MAX_DIFFERENCES_TOLD = 8;

/**
 * How many items of a set, or keys of a map, are tried in pairs by one comparison where their text does not tell which of them
 * belong together; what is left then counts as different.
 */
export const MAX_PAIRS = 10_000;

/** One place in which a value is not as expected; both sides as a message shows them. */
export interface Difference {
  /** Such as `lines[3].net`; empty for the value as a whole. */
  readonly path: string;
  readonly expected: string;
  readonly received: string;
}

/** How far a value is from what is expected. Plain JSON. */
export interface Differing {
  /** In how many places, counted up to {@link MAX_DIFFERENCES}. */
  readonly count: number;
  /** The first of them. */
  readonly first: readonly Difference[];
}

/** `equal`: as `toEqual`; `subset`: as `toMatchObject`, where a regular expression stands for any text that it finds something in. */
export type Likeness = 'equal' | 'subset';

/**
 * Compares as the runners' `toEqual` and `toMatchObject` do: by structure and not by class, a member that is `undefined` like one
 * that is not there, dates by their moment, maps and sets whatever their order, and whatever has an `asymmetricMatch` (as
 * `expect.any(String)`) by asking it. One walk, which stops when enough differs; nothing of the values is kept or printed whole.
 *
 * @returns undefined where they are alike
 */
export function compare(expected: unknown, received: unknown, likeness: Likeness): Differing | undefined {
  const walk = new Walk(likeness);
  walk.compare(expected, received);
  return walk.count === 0 ? undefined : { count: walk.count, first: walk.first };
}

interface Asymmetric {
  asymmetricMatch(other: unknown): boolean;
}

/** Something that answers by itself whether it matches; `expect.any(String)` and its like. */
export function isAsymmetric(value: unknown): value is Asymmetric {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Asymmetric>).asymmetricMatch === 'function';
}

class Walk {
  count = 0;
  readonly first: Difference[] = [];
  readonly #subset: boolean;
  readonly #path: (string | number)[] = [];
  /** The pairs on the way to this place: in a circle, what is being compared already is taken for alike. */
  readonly #above: [unknown, unknown][] = [];
  readonly #tries = { left: MAX_PAIRS };

  constructor(likeness: Likeness) {
    this.#subset = likeness === 'subset';
  }

  compare(expected: unknown, received: unknown): void {
    if (this.count >= MAX_DIFFERENCES || Object.is(expected, received)) return;
    if (isAsymmetric(expected) || isAsymmetric(received)) {
      if (!asks(expected, received)) this.#differ(expected, received);
      return;
    }
    if (typeof expected !== 'object' || expected === null || typeof received !== 'object' || received === null) {
      if (this.#subset && expected instanceof RegExp && typeof received === 'string' && finds(expected, received)) return;
      this.#differ(expected, received);
      return;
    }
    const kind = kindOf(expected);
    // Of what is asked for by its members any object may have them.
    if (kind !== kindOf(received) && !(this.#subset && kind === 'Object')) return this.#differ(expected, received);
    if (this.#above.some(([a, b]) => a === expected && b === received)) return;
    this.#above.push([expected, received]);
    this.#objects(kind, expected, received);
    this.#above.pop();
  }

  #objects(kind: string, expected: object, received: object): void {
    switch (kind) {
      case 'Array':
        return this.#lists(expected as readonly unknown[], received as readonly unknown[]);
      case 'Map':
        return this.#maps(expected as ReadonlyMap<unknown, unknown>, received as ReadonlyMap<unknown, unknown>);
      case 'Set':
        return this.#sets(expected as ReadonlySet<unknown>, received as ReadonlySet<unknown>);
      case 'Date':
      case 'Number':
      case 'String':
      case 'Boolean':
        if (!Object.is((expected as Date).valueOf(), (received as Date).valueOf())) this.#differ(expected, received);
        return;
      case 'RegExp':
      case 'URL':
        if ((expected as URL).toString() !== (received as URL).toString()) this.#differ(expected, received);
        return;
      case 'Error':
        return this.#errors(expected as Error, received as Error);
      case 'ArrayBuffer':
        return this.#lists(new Uint8Array(expected as ArrayBuffer), new Uint8Array(received as ArrayBuffer));
      default:
        if (ArrayBuffer.isView(expected) && 'length' in expected)
          return this.#lists(expected as Uint8Array, received as Uint8Array);
        return this.#members(expected, received);
    }
  }

  #lists(expected: ArrayLike<unknown>, received: ArrayLike<unknown>): void {
    const longer = Math.max(expected.length, received.length);
    for (let i = 0; i < longer && this.count < MAX_DIFFERENCES; i++) {
      // A list is as long as it is: an item that is not there is not alike to one that is undefined.
      if (i >= expected.length || i >= received.length) this.#at(i, () => this.#differ(expected[i], received[i]));
      else this.#into(i, expected[i], received[i]);
    }
  }

  #members(expected: object, received: object): void {
    for (const key of keysOf(expected)) this.#into(key, memberOf(expected, key), memberOf(received, key));
    if (this.#subset) {
      // A member that is asked for as undefined must be there to be so; toMatchObject asks for that.
      for (const key of keysOf(expected))
        if (memberOf(expected, key) === undefined && !(key in received))
          this.#at(String(key), () => this.#tell('a member that is undefined', 'no such member'));
      return;
    }
    for (const key of keysOf(received)) if (!Object.hasOwn(expected, key)) this.#into(key, undefined, memberOf(received, key));
  }

  #errors(expected: Error, received: Error): void {
    for (const key of ['name', 'message', 'cause'] as const) this.#into(key, expected[key], received[key]);
    this.#members(expected, received);
  }

  #maps(expected: ReadonlyMap<unknown, unknown>, received: ReadonlyMap<unknown, unknown>): void {
    const left = new Unmatched(received.keys(), this.#tries);
    const step = (key: unknown): string => (typeof key === 'string' ? key : brief(key));
    for (const [key, value] of expected) {
      if (this.count >= MAX_DIFFERENCES) return;
      const found = left.take(key);
      if (found === undefined) this.#at(step(key), () => this.#differ(value, undefined));
      else this.#into(step(key), value, received.get(found.value));
    }
    for (const key of left.rest) this.#at(step(key), () => this.#differ(undefined, received.get(key)));
  }

  #sets(expected: ReadonlySet<unknown>, received: ReadonlySet<unknown>): void {
    const left = new Unmatched(received, this.#tries);
    for (const value of expected) {
      if (this.count >= MAX_DIFFERENCES) return;
      if (left.take(value) === undefined) this.#differ(value, undefined);
    }
    for (const value of left.rest) this.#differ(undefined, value);
  }

  #into(key: string | number | symbol, expected: unknown, received: unknown): void {
    if (Object.is(expected, received) || this.count >= MAX_DIFFERENCES) return;
    this.#at(typeof key === 'symbol' ? String(key) : key, () => this.compare(expected, received));
  }

  #at(key: string | number, then: () => void): void {
    this.#path.push(key);
    then();
    this.#path.pop();
  }

  #differ(expected: unknown, received: unknown): void {
    if (this.first.length < MAX_DIFFERENCES_TOLD) this.#tell(brief(expected), brief(received));
    else this.count++;
  }

  #tell(expected: string, received: string): void {
    this.count++;
    if (this.first.length < MAX_DIFFERENCES_TOLD) this.first.push({ path: written(this.#path), expected, received });
  }
}

/** What of a set, or of the keys of a map, nothing that was expected has been found alike to. */
class Unmatched {
  readonly rest: Set<unknown>;
  /** The objects among them by their text: of two that are alike it is mostly the same. Made when first asked for. */
  #byText: Map<string, unknown[]> | undefined;
  readonly #tries: { left: number };

  constructor(values: Iterable<unknown>, tries: { left: number }) {
    this.rest = new Set(values);
    this.#tries = tries;
  }

  /** Takes out what is the same as this, or alike. */
  take(value: unknown): { readonly value: unknown } | undefined {
    if (this.rest.delete(value)) return { value };
    for (const other of this.#textual().get(textOf(value)) ?? []) if (this.#takes(value, other)) return { value: other };
    for (const other of this.rest) {
      if (this.#tries.left-- <= 0) return undefined;
      if (this.#takes(value, other)) return { value: other };
    }
    return undefined;
  }

  #takes(value: unknown, other: unknown): boolean {
    return this.rest.has(other) && isAlike(value, other) && this.rest.delete(other);
  }

  #textual(): ReadonlyMap<string, readonly unknown[]> {
    if (this.#byText !== undefined) return this.#byText;
    const byText = new Map<string, unknown[]>();
    for (const other of this.rest) {
      if (typeof other !== 'object' || other === null) continue;
      const text = textOf(other);
      const same = byText.get(text);
      if (same === undefined) byText.set(text, [other]);
      else same.push(other);
    }
    return (this.#byText = byText);
  }
}

/** A text that two values have in common which are alike, as far as JSON can write them. */
function textOf(value: unknown): string {
  try {
    return canonical(value) ?? '';
  } catch {
    return '';
  }
}

function isAlike(expected: unknown, received: unknown): boolean {
  return compare(expected, received, 'equal') === undefined;
}

function asks(expected: unknown, received: unknown): boolean {
  try {
    if (isAsymmetric(expected)) return expected.asymmetricMatch(received);
    return (received as Asymmetric).asymmetricMatch(expected);
  } catch {
    // One that cannot read what it is asked about does not match it.
    return false;
  }
}

/** With a regular expression that goes on from where it was, each question would be another one. */
function finds(pattern: RegExp, text: string): boolean {
  return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(text);
}

function kindOf(value: object): string {
  if (Array.isArray(value)) return 'Array';
  if (value instanceof Error) return 'Error';
  if (value instanceof URL) return 'URL';
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** Symbols are members as well. */
function keysOf(value: object): readonly (string | symbol)[] {
  const names: (string | symbol)[] = Object.keys(value);
  const symbols = Object.getOwnPropertySymbols(value);
  return symbols.length === 0
    ? names
    : [...names, ...symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))];
}

function memberOf(value: object, key: string | symbol): unknown {
  return (value as Record<string | symbol, unknown>)[key];
}

function written(path: readonly (string | number)[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${brief(step)}]`;
  }
  return text;
}
