import { show } from '../errors.ts';

/** How many parts of two values are compared, so that one step of a judge stays bounded. */
const MAX_COMPARED = 200_000;
/** How much of a value a reason tells, in characters. */
const MAX_SHOWN = 200;

/** Where the later value does not go on from the earlier one. */
export interface Taken {
  readonly why: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Whether a later value goes on from an earlier one: lists and texts get longer at their end, members stay and others come, numbers
 * do not fall, what was false or not there may become anything. What stands in a list is told for good: its numbers do not change.
 *
 * @returns where it does not; undefined where it does
 */
export function extension(before: unknown, after: unknown): Taken | undefined {
  let left = MAX_COMPARED;
  const compare = (a: unknown, b: unknown, path: string, listed: boolean): Taken | undefined => {
    if (left-- <= 0 || a === b || a === null || a === undefined || a === false) return undefined;
    if (typeof a === 'number' && typeof b === 'number')
      return listed || b < a ? taken(listed ? 'changed' : 'fell', a, b, path) : undefined;
    if (typeof a === 'string' && typeof b === 'string') return b.startsWith(a) ? undefined : taken('changed', a, b, path);
    if (typeof a !== 'object' || typeof b !== 'object' || b === null || Array.isArray(a) !== Array.isArray(b))
      return taken(b === undefined ? 'is gone' : 'changed', a, b, path);
    if (Array.isArray(a) && Array.isArray(b) && b.length < a.length) return taken('got shorter', a, b, path);
    for (const [key, inner] of Object.entries(a)) {
      const wrong = compare(
        inner,
        Object.hasOwn(b, key) ? (b as Record<string, unknown>)[key] : undefined,
        joined(path, key, a),
        listed || Array.isArray(a),
      );
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
  return compare(before, after, '', false);
}

function taken(what: string, before: unknown, after: unknown, path: string): Taken {
  return { why: `${path === '' ? 'it' : path} ${what}`, before: show(before, MAX_SHOWN), after: show(after, MAX_SHOWN) };
}

function joined(path: string, key: string, holder: object): string {
  return Array.isArray(holder) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
}
