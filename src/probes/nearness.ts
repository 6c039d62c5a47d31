import { show } from '../errors.ts';
import type { NearMiss } from '../trace/index.ts';

/** How many differences a miss lists, how many parts are compared, how deep, and how much of a value is shown. */
const MAX_LINES = 5;
const MAX_PARTS = 2000;
const MAX_DEPTH = 12;
const MAX_SHOWN_CHARACTERS = 120;
const MAX_SHOWN_PARTS = 100;

/** What could not be compared in time counts as so far away. */
const FAR = 1e6;

interface Walk {
  left: number;
  distance: number;
  readonly lines: string[];
  readonly above: Set<unknown>;
}

/**
 * How far what was received is from what was expected, and the first places where they differ. Its cost is bounded, whatever the
 * values are: it is asked for at each failed attempt.
 */
export function missOf(expected: unknown, received: unknown, held: number): NearMiss {
  const walk: Walk = { left: MAX_PARTS, distance: 0, lines: [], above: new Set() };
  compare('', expected, received, 0, walk);
  return { held, distance: walk.distance, lines: walk.lines };
}

function compare(path: string, expected: unknown, received: unknown, depth: number, walk: Walk): void {
  if (walk.left-- <= 0 || Object.is(expected, received)) return;
  if (isContainer(expected) && isContainer(received) && Array.isArray(expected) === Array.isArray(received)) {
    if (depth >= MAX_DEPTH || walk.above.has(received)) return;
    walk.above.add(received);
    if (Array.isArray(expected) && Array.isArray(received)) {
      const most = Math.max(expected.length, received.length);
      // To list the names of a long list's members would cost more than all that is compared.
      for (let i = 0; i < most && walk.left > 0; i++)
        compare(`${path}[${i}]`, expected[i] as unknown, received[i] as unknown, depth + 1, walk);
      walk.above.delete(received);
      return;
    }
    // By the members of what was expected, then what came besides.
    for (const name of Object.keys(expected)) {
      if (walk.left <= 0) break;
      member(path, name, expected, received, depth, walk);
    }
    for (const name of Object.keys(received)) {
      if (walk.left <= 0) break;
      if (!Object.hasOwn(expected, name)) member(path, name, expected, received, depth, walk);
    }
    walk.above.delete(received);
    return;
  }
  // A matcher in the place of a value (expect.any(…)) answers for itself.
  const asymmetric = asymmetricMatch(expected, received);
  if (asymmetric === true) return;
  if (sameDate(expected, received)) return;
  walk.distance += apart(expected, received);
  if (walk.lines.length < MAX_LINES)
    walk.lines.push(`${path === '' ? '' : `${path}: `}expected ${shown(expected)}, received ${shown(received)}`);
  else if (walk.lines.length === MAX_LINES) walk.lines.push('… and more');
}

function member(path: string, name: string, expected: object, received: object, depth: number, walk: Walk): void {
  compare(path === '' ? name : `${path}.${name}`, Reflect.get(expected, name), Reflect.get(received, name), depth + 1, walk);
}

/** How much one difference counts: of two numbers how far they are apart, anything else as one. */
function apart(expected: unknown, received: unknown): number {
  if (typeof expected === 'number' && typeof received === 'number' && Number.isFinite(expected) && Number.isFinite(received))
    return Math.min(FAR, Math.abs(expected - received));
  if (typeof expected === 'string' && typeof received === 'string') return unlike(expected, received);
  return 1;
}

/** The share of two texts that is neither a common beginning nor a common end. */
function unlike(a: string, b: string): number {
  const most = Math.min(a.length, b.length, MAX_PARTS);
  let begin = 0;
  while (begin < most && a.charCodeAt(begin) === b.charCodeAt(begin)) begin++;
  let end = 0;
  while (end < most - begin && a.charCodeAt(a.length - 1 - end) === b.charCodeAt(b.length - 1 - end)) end++;
  return 1 - (begin + end) / Math.max(a.length, b.length, 1);
}

/** Objects and lists as they are written; anything with a class of its own is one value. */
function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function asymmetricMatch(expected: unknown, received: unknown): boolean | undefined {
  if (typeof expected !== 'object' || expected === null || !('asymmetricMatch' in expected)) return undefined;
  const { asymmetricMatch: match } = expected;
  if (typeof match !== 'function') return undefined;
  try {
    return match.call(expected, received) === true;
  } catch {
    return undefined;
  }
}

function sameDate(a: unknown, b: unknown): boolean {
  return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
}

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null && !isContainer(value) && 'asymmetricMatch' in value) return String(value);
  if (value === undefined) return 'undefined';
  // JSON of a whole tree, to show its beginning, would cost what the bound is to save.
  if (typeof value === 'object' && sizeOf(value, MAX_SHOWN_PARTS) >= MAX_SHOWN_PARTS)
    return Array.isArray(value) ? `a list of ${value.length}` : 'a large object';
  if (typeof value === 'string' && value.length > MAX_SHOWN_CHARACTERS)
    return show(`${value.slice(0, MAX_SHOWN_CHARACTERS)}…`, 200);
  return show(value, MAX_SHOWN_CHARACTERS);
}

/** How much there is to render, counted no further than `most`. */
export function sizeOf(value: unknown, most: number): number {
  if (typeof value === 'string') return Math.min(most, value.length / 10);
  if (typeof value !== 'object' || value === null) return 1;
  let size = 1;
  const seen = new Set<object>([value]);
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined && size < most; next = open.pop()) {
    for (const inner of Object.values(next) as unknown[]) {
      if (++size >= most) break;
      if (typeof inner === 'string') size += inner.length / 10;
      else if (typeof inner === 'object' && inner !== null && !seen.has(inner)) {
        seen.add(inner);
        open.push(inner);
      }
    }
  }
  return size;
}
