import type { Ending, EventOf } from './event.ts';
import { meaningOf, type Meaning } from './words.ts';

/** What the caller says about state names: `{ shipped: 'success' }`. */
export type StateMeanings = Readonly<Record<string, Meaning>>;

/** How the caller wants bodies read. */
export interface StateWords {
  readonly states: StateMeanings;
  /** Where the state stands, as a dotted path; `status`, else `state`, by default. */
  readonly field: string | undefined;
}

/** What a state means: what the caller says, else common use. */
export function meaningIn(word: string, states: StateMeanings): Meaning | undefined {
  return Object.hasOwn(states, word) ? states[word] : meaningOf(word);
}

/** The ending that a state's name tells, by what the caller says, else by common use. */
export function endingIn(word: string, states: StateMeanings): Ending | undefined {
  const meaning = meaningIn(word, states);
  return meaning === 'pending' ? undefined : meaning;
}

/** The state's name in a body, and the field it stands in. A number counts as a name where the field was given. */
export function wordIn(json: unknown, field?: string): { readonly field: string; readonly word: string } | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  if (field !== undefined) {
    const value = valueAt(json, field);
    return (typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'boolean'
      ? { field, word: String(value) }
      : undefined;
  }
  for (const usual of ['status', 'state']) {
    const word: unknown = (json as Record<string, unknown>)[usual];
    if (typeof word === 'string' && word !== '') return { field: usual, word };
  }
  return undefined;
}

/** What stands at a dotted path in a body. */
export function valueAt(json: unknown, path: string): unknown {
  let value: unknown = json;
  for (const key of path.split('.')) {
    // Not the length of a list, which JSON does not write.
    if (typeof value !== 'object' || value === null || !Object.prototype.propertyIsEnumerable.call(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** The progress that a body tells, in per cent. */
export function progressIn(json: unknown): { progress?: number } {
  if (typeof json !== 'object' || json === null) return {};
  for (const field of ['progress', 'percentComplete', 'percentageComplete']) {
    const value: unknown = (json as Record<string, unknown>)[field];
    if (typeof value === 'number' && value >= 0 && value <= 100) return { progress: value };
  }
  return {};
}

/**
 * The state that a body tells of an operation, with its progress, its result and its error, as far as it tells them.
 *
 * @param json the body, read
 * @param words how the caller wants it read
 * @returns undefined where the body names no state
 *
 * @example
 * ```ts
 * import { stateIn } from 'holdfast/trace';
 * stateIn({ status: 'running', progress: 40 }, { states: {}, field: undefined })?.progress; // => 40
 * ```
 */
export function stateIn(json: unknown, words: StateWords): EventOf<'state'> | undefined {
  const found = wordIn(json, words.field);
  if (found === undefined) return undefined;
  const body = json as Record<string, unknown>;
  const ending = endingIn(found.word, words.states);
  const error = body['error'] ?? (ending === 'failure' ? (body['message'] ?? body['detail']) : undefined);
  const result = body['result'] ?? body['response'] ?? body['output'];
  return {
    kind: 'state',
    state: found.word,
    ...(ending === undefined ? {} : { ending }),
    raw: body,
    ...progressIn(body),
    ...(result === undefined || result === null ? {} : { result }),
    ...(error === undefined || error === null ? {} : { error }),
  };
}
