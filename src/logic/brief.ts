/** How deep, how wide and how long a value is shown: the cost of showing it must not depend on its size. */
const MAX_DEPTH = 3;
const MAX_ITEMS = 6;
const MAX_TEXT = 60;
const MAX_LENGTH = 120;

/**
 * A value as a message shows it, however large it is: like JSON, cut in depth, width and length, with what JSON does not know by
 * its name. What comes from a runner's `expect.any(String)` is shown as that is written.
 *
 * @returns `nothing` for undefined
 */
export function brief(value: unknown): string {
  const text = written(value, 0);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text;
}

function written(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'undefined':
      return 'nothing';
    case 'string':
      return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value);
    case 'bigint':
      return `${value}n`;
    case 'function':
      return value.name === '' ? 'a function' : `function ${value.name}`;
    case 'object':
      return value === null ? 'null' : writtenObject(value, depth);
    default:
      return Object.is(value, -0) ? '-0' : String(value);
  }
}

function writtenObject(value: object, depth: number): string {
  try {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid date' : value.toISOString();
    if (value instanceof RegExp || value instanceof URL) return String(value);
    if (value instanceof Error) return `${value.name}: ${value.message.slice(0, MAX_TEXT)}`;
    const { asymmetricMatch, toAsymmetricMatcher } = value as { asymmetricMatch?: unknown; toAsymmetricMatcher?: unknown };
    if (typeof asymmetricMatch === 'function')
      return typeof toAsymmetricMatcher === 'function'
        ? String((toAsymmetricMatcher as () => unknown).call(value))
        : 'what a matcher of yours takes';
    if (value instanceof Map) return `Map(${value.size}) {${few(value, value.size, depth, pair)}}`;
    if (value instanceof Set) return `Set(${value.size}) {${few(value, value.size, depth, written)}}`;
    if (Array.isArray(value)) return `[${few(value as unknown[], value.length, depth, written)}]`;
    if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
    // By iteration: the names of a large object are not all asked for.
    return `{${few(members(value), undefined, depth, pair)}}`;
  } catch {
    return 'something that cannot be read';
  }
}

function* members(value: object): Iterable<readonly [string, unknown]> {
  for (const key in value) if (Object.hasOwn(value, key)) yield [key, (value as Record<string, unknown>)[key]];
}

function pair([key, value]: readonly [unknown, unknown], depth: number): string {
  const name = typeof key === 'string' && /^[A-Za-z_$][\w$]*$/.test(key) ? key : written(key, depth);
  return `${name}: ${written(value, depth)}`;
}

function few<T>(items: Iterable<T>, size: number | undefined, depth: number, write: (item: T, depth: number) => string): string {
  if (depth >= MAX_DEPTH) return '…';
  const parts: string[] = [];
  for (const item of items) {
    if (parts.length === MAX_ITEMS) {
      parts.push(size === undefined ? '…' : `… ${size - MAX_ITEMS} more`);
      break;
    }
    parts.push(write(item, depth + 1));
  }
  return parts.join(', ');
}
