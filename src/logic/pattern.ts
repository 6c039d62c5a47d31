import { HarnessError, show } from '../errors.ts';
import type { Observation } from '../trace/index.ts';
import { canonical } from './canonical.ts';

/**
 * A partial description of an observation: what is named must be equal, deeply; a {@link Check} is asked instead. Plain JSON; a
 * field may be a dotted path.
 */
export type Pattern = { readonly [field: string]: unknown };

/** A question in place of a value in a pattern. */
export type Check =
  | { readonly $oneOf: readonly unknown[] }
  | { readonly $atLeast: number }
  | { readonly $atMost: number }
  | { readonly $exists: boolean };

/** Why an observation does not match, and how near it was: 0 is a match. */
export interface Miss {
  readonly why: string;
  readonly expected?: unknown;
  readonly actual?: unknown;
  readonly distance?: number;
}

const CHECKS: Readonly<Record<string, (argument: unknown) => boolean>> = {
  $oneOf: Array.isArray,
  $atLeast: (argument) => typeof argument === 'number',
  $atMost: (argument) => typeof argument === 'number',
  $exists: (argument) => typeof argument === 'boolean',
};

/**
 * Refuses a pattern that is not plain JSON, which would match by accident (a regular expression has no fields to compare), and a
 * check that does not exist.
 *
 * @throws HarnessError `invalid-formula`
 */
export function checkPattern(pattern: unknown, path: string): asserts pattern is Pattern {
  if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern)) throw oddPattern('an object', pattern, path);
  checkPlain(pattern, path);
}

/** @param listed it is within a list, which is compared as it is: a check in it would be asked of nothing */
function checkPlain(value: unknown, path: string, listed = false): void {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkPlain(item, `${path}[${index}]`, true);
    return;
  }
  if (typeof value === 'object' && value !== null) {
    // Not compared with Object.prototype: what Node parsed may come from another realm than this, as under Jest.
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw oddPattern('plain JSON', value, path);
    const fields = Object.entries(value);
    const odd = fields.find(([field]) => field.startsWith('$'));
    if (odd !== undefined && (fields.length > 1 || !Object.hasOwn(CHECKS, odd[0]) || !CHECKS[odd[0]]!(odd[1]))) {
      throw new HarnessError(
        'invalid-formula',
        `${path}: there is no check ${show(value)}`,
        'write { $oneOf: […] }, { $atLeast: n }, { $atMost: n } or { $exists: true }, each by itself',
      );
    }
    if (odd !== undefined && listed) {
      throw new HarnessError(
        'invalid-formula',
        `${path}: a list is compared as it is, and the check ${show(value)} in it would be asked of nothing`,
        "name a place of the list, as in { 'data.rows.0': { $atLeast: 1 } }; for anything else use matching(name, test)",
      );
    }
    for (const [field, inner] of fields) checkPlain(inner, `${path}.${field}`, listed);
    return;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  throw oddPattern('plain JSON', value, path);
}

function oddPattern(expected: string, value: unknown, path: string): HarnessError {
  const kind = typeof value === 'object' && value !== null ? Object.prototype.toString.call(value).slice(8, -1) : show(value);
  return new HarnessError(
    'invalid-formula',
    `${path}: expected ${expected}, received ${kind}`,
    "name fields and their values, as in { kind: 'state', state: 'running' }; for anything else use matching(name, test)",
  );
}

/** What stands at a dotted path, as a text that is the same for equal values. */
export function keyAt(o: Observation, path: string): string | undefined {
  const value = fieldAt(o, path);
  return value === undefined || value === null ? undefined : typeof value === 'string' ? value : canonical(value);
}

/** What stands at a dotted path; undefined where nothing does. */
export function fieldAt(value: unknown, path: string): unknown {
  let found = value;
  // A name may hold a dot itself: `http.method`.
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, path)) return (value as Record<string, unknown>)[path];
  for (const step of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as Record<string, unknown>)[step];
  }
  return found;
}

/** Compares an observation with a pattern; the distance is the share of named fields that differ. */
export function matches(observation: Observation, where: Pattern): true | Miss {
  let named = 0;
  let differ = 0;
  let first: Miss | undefined;
  const compare = (pattern: unknown, value: unknown, path: string): void => {
    if (typeof pattern === 'object' && pattern !== null && !Array.isArray(pattern) && !isCheck(pattern)) {
      for (const [field, inner] of Object.entries(pattern))
        compare(inner, fieldAt(value, field), path === '' ? field : `${path}.${field}`);
      return;
    }
    named++;
    if (isCheck(pattern) ? passes(pattern, value) : equal(pattern, value)) return;
    differ++;
    first ??= { why: `${path} is ${show(value)}, not ${show(pattern)}`, expected: pattern, actual: value };
  };
  compare(where, observation, '');
  return first === undefined ? true : { ...first, distance: differ / named };
}

function equal(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && canonical(a) === canonical(b));
}

function isCheck(pattern: unknown): pattern is Check {
  if (typeof pattern !== 'object' || pattern === null) return false;
  const [field, more] = Object.keys(pattern);
  return more === undefined && field !== undefined && field.startsWith('$');
}

function passes(check: Check, value: unknown): boolean {
  if ('$oneOf' in check) return check.$oneOf.some((one) => equal(one, value));
  if ('$atLeast' in check) return typeof value === 'number' && value >= check.$atLeast;
  if ('$atMost' in check) return typeof value === 'number' && value <= check.$atMost;
  if ('$exists' in check) return (value !== undefined) === check.$exists;
  throw new HarnessError('invalid-formula', `there is no check ${show(check)}`, 'write $oneOf, $atLeast, $atMost or $exists');
}
