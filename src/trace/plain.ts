import { isError, show } from '../errors.ts';

/** How deep, how wide and how long a value is kept, so that a look at a huge object stays cheap. */
export const MAX_PLAIN_DEPTH = 12;
export const MAX_PLAIN_ITEMS = 1000;
export const MAX_PLAIN_STRING = 65_536;
/** How many values one copy has in all: what is held in many places is copied into each of them. */
export const MAX_PLAIN_NODES = 100_000;

/**
 * A copy of a value that JSON keeps whole: what the trace holds must not change later, and must read back as it was.
 *
 * Dates become ISO text, errors their name and message, maps and sets lists; what has no JSON form becomes a text that
 * names it, such as `[NaN]` or `[Function total]`. Depth, width, length and the whole are bounded.
 *
 * @param nodes how many values the copy has in all
 *
 * @example
 * ```ts
 * import { plain } from 'holdfast/trace';
 * plain({ at: new Date(0), n: NaN }); // => { at: '1970-01-01T00:00:00.000Z', n: '[NaN]' }
 * ```
 */
export function plain(value: unknown, nodes: number = MAX_PLAIN_NODES): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_PLAIN_STRING ? `${value.slice(0, MAX_PLAIN_STRING)}[cut: ${value.length} characters]` : value;
    case 'number':
      return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : `[${value}]`;
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : copy(value, 0, { above: new Set(), left: nodes });
    default:
      return odd(value);
  }
}

/** The objects on the way to a value, and how many more values may be copied. */
interface Way {
  readonly above: Set<object>;
  left: number;
}

function copy(value: object, depth: number, way: Way): unknown {
  const { above } = way;
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_PLAIN_DEPTH) return '[deeper]';
  above.add(value);
  try {
    const item = (inner: unknown): unknown => {
      if (way.left-- <= 0) return '[more]';
      if (typeof inner === 'object' && inner !== null) return copy(inner, depth + 1, way);
      return inner === undefined ? '[undefined]' : plain(inner);
    };
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[invalid Date]' : value.toISOString();
    if (isError(value)) return { name: item(value.name), message: item(value.message) };
    if (value instanceof Map) return list(value, value.size, ([k, v]) => [item(k), item(v)]);
    if (value instanceof Set) return list(value, value.size, item);
    if (Array.isArray(value)) return list(value as unknown[], value.length, item);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
      return `[${value.constructor.name}: ${value.byteLength} bytes]`;
    if (typeof value === 'function') return odd(value);
    if ('toJSON' in value && typeof value.toJSON === 'function') return item(value.toJSON());
    const entries = Object.entries(value);
    const kept = entries.slice(0, MAX_PLAIN_ITEMS).filter(([, inner]) => inner !== undefined);
    const result = Object.fromEntries(kept.map(([key, inner]) => [key, item(inner)]));
    return entries.length > MAX_PLAIN_ITEMS ? { ...result, '[cut]': `${entries.length} members` } : result;
  } catch (error) {
    // A getter of the user's object threw: the look must not fail for it.
    return `[unreadable: ${error instanceof Error ? error.message : typeof error === 'string' ? error : show(error)}]`;
  } finally {
    above.delete(value);
  }
}

function list<T>(items: Iterable<T>, length: number, item: (inner: T) => unknown): unknown[] {
  const kept: unknown[] = [];
  // By iteration, which gives back the holes of a list too; JSON would write them as null.
  for (const inner of items) {
    if (kept.length === MAX_PLAIN_ITEMS) return [...kept, `[cut: ${length} items]`];
    kept.push(item(inner));
  }
  return kept;
}

function odd(value: unknown): string {
  return typeof value === 'function' ? `[Function ${value.name || 'anonymous'}]` : `[${typeof value} ${String(value)}]`;
}
