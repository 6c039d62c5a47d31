/** How deep, how wide and how long a value is kept, so that a look at a huge object stays cheap. */
export const MAX_PLAIN_DEPTH = 12;
export const MAX_PLAIN_ITEMS = 1000;
export const MAX_PLAIN_STRING = 65_536;

/**
 * A copy of a value that JSON keeps whole: what the trace holds must not change later, and must read back as it was.
 *
 * Dates become ISO text, errors their name and message, maps and sets lists; what has no JSON form becomes a text that
 * names it, such as `[NaN]` or `[Function total]`. Depth, width and length are bounded.
 *
 * @example
 * ```ts
 * import { plain } from 'holdfast/trace';
 * plain({ at: new Date(0), n: NaN }); // => { at: '1970-01-01T00:00:00.000Z', n: '[NaN]' }
 * ```
 */
export function plain(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_PLAIN_STRING ? `${value.slice(0, MAX_PLAIN_STRING)}[cut: ${value.length} characters]` : value;
    case 'number':
      return Number.isFinite(value) ? (Object.is(value, -0) ? 0 : value) : `[${value}]`;
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : copy(value, 0, new Set());
    default:
      return odd(value);
  }
}

function copy(value: object, depth: number, above: Set<object>): unknown {
  if (above.has(value)) return '[circular]';
  if (depth >= MAX_PLAIN_DEPTH) return '[deeper]';
  above.add(value);
  try {
    const item = (inner: unknown): unknown =>
      typeof inner === 'object' && inner !== null
        ? copy(inner, depth + 1, above)
        : inner === undefined
          ? '[undefined]'
          : plain(inner);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? '[invalid Date]' : value.toISOString();
    if (value instanceof Error) return { name: value.name, message: value.message };
    if (value instanceof Map) return list([...value].map(([k, v]) => [item(k), item(v)]));
    if (value instanceof Set) return list([...value].map(item));
    if (Array.isArray(value))
      return list(value.length > MAX_PLAIN_ITEMS ? value.slice(0, MAX_PLAIN_ITEMS + 1).map(item) : value.map(item), value.length);
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
    return `[unreadable: ${error instanceof Error ? error.message : String(error)}]`;
  } finally {
    above.delete(value);
  }
}

function list(items: unknown[], length: number = items.length): unknown[] {
  return length > MAX_PLAIN_ITEMS ? [...items.slice(0, MAX_PLAIN_ITEMS), `[cut: ${length} items]`] : items;
}

function odd(value: unknown): string {
  return typeof value === 'function' ? `[Function ${value.name || 'anonymous'}]` : `[${typeof value} ${String(value)}]`;
}
