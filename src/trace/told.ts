import type { Ending, EventOf } from './event.ts';
import { meaningOf, type Meaning } from './words.ts';

/**
 * What the caller says about state names.
 *
 * @example
 * ```ts
 * import { stateIn, type StateMeanings } from 'holdfast/trace';
 * const states: StateMeanings = { shipped: 'success', onHold: 'pending' };
 * stateIn({ status: 'shipped' }, { states, field: undefined })?.ending; // => 'success'
 * ```
 */
export type StateMeanings = Readonly<Record<string, Meaning>>;

/**
 * How the caller wants bodies read.
 *
 * @example
 * ```ts
 * import { stateIn, type StateWords } from 'holdfast/trace';
 * const words: StateWords = { states: {}, field: 'job.phase' };
 * stateIn({ job: { phase: 'done' } }, words)?.state; // => 'done'
 * ```
 */
export interface StateWords {
  readonly states: StateMeanings;
  /** Where the state stands, as a dotted path; `status`, else `state`, by default. */
  readonly field: string | undefined;
}

/**
 * What a state means: what the caller says, else common use.
 *
 * @returns undefined for a word that nobody said anything about
 *
 * @example
 * ```ts
 * import { meaningIn } from 'holdfast/trace';
 * meaningIn('done', { done: 'pending' }); // => 'pending'
 * meaningIn('done', {}); // => 'success'
 * meaningIn('FailingOver', {}); // => undefined
 * ```
 */
export function meaningIn(word: string, states: StateMeanings): Meaning | undefined {
  return Object.hasOwn(states, word) ? states[word] : meaningOf(word);
}

/**
 * The ending that a state's name tells, by what the caller says, else by common use.
 *
 * @returns undefined where it goes on, or where nobody knows
 *
 * @example
 * ```ts
 * import { endingIn } from 'holdfast/trace';
 * endingIn('shipped', { shipped: 'success' }); // => 'success'
 * endingIn('running', {}); // => undefined
 * ```
 */
export function endingIn(word: string, states: StateMeanings): Ending | undefined {
  const meaning = meaningIn(word, states);
  return meaning === 'pending' ? undefined : meaning;
}

/**
 * The state's name in a body, and the field it stands in.
 *
 * @param field where it stands, as a dotted path, so that also a number or a boolean counts; by default a text in `status`, else in
 * `state`
 *
 * @example
 * ```ts
 * import { wordIn } from 'holdfast/trace';
 * wordIn({ status: 2, state: 'running' }); // => { field: 'state', word: 'running' }
 * wordIn({ status: 2, state: 'running' }, 'status'); // => { field: 'status', word: '2' }
 * ```
 */
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

/**
 * What stands at a dotted path in a body.
 *
 * @returns undefined where nothing does; what JSON does not write, as the length of a list, is not there
 *
 * @example
 * ```ts
 * import { valueAt } from 'holdfast/trace';
 * valueAt({ jobs: [{ id: 7 }] }, 'jobs.0.id'); // => 7
 * ```
 */
export function valueAt(json: unknown, path: string): unknown {
  let value: unknown = json;
  for (const key of path.split('.')) {
    // Not the length of a list, which JSON does not write.
    if (typeof value !== 'object' || value === null || !Object.prototype.propertyIsEnumerable.call(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/**
 * The progress that a body tells, in per cent: `progress`, `percentComplete` or `percentageComplete`, from 0 to 100.
 *
 * @example
 * ```ts
 * import { progressIn } from 'holdfast/trace';
 * progressIn({ percentComplete: 40 }); // => { progress: 40 }
 * progressIn({ progress: 140 }); // => {}
 * ```
 */
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

/** What an envelope says of the telling, and not of what it wraps (JSend). */
const ENVELOPE: ReadonlySet<string> = new Set(['success', 'fail', 'error']);

/** Whether this word may be that of an envelope. */
export function isOfEnvelope(word: unknown): boolean {
  return typeof word === 'string' && ENVELOPE.has(word);
}

/**
 * Where two states stand that do not mean the same: of an envelope, and in the `data` that it wraps. JSend's `success` tells of the
 * answer, and not of the job in it.
 *
 * @returns undefined where there is one, or both mean the same
 */
export function twoWordsIn(json: unknown, { states, field }: StateWords): readonly [outer: string, inner: string] | undefined {
  const outer = field === undefined ? wordIn(json) : undefined;
  const inner = outer === undefined ? undefined : wordIn(valueAt(json, 'data'));
  if (outer === undefined || inner === undefined) return undefined;
  const meanings = [meaningIn(outer.word, states), meaningIn(inner.word, states)];
  return meanings.includes(undefined) || meanings[0] === meanings[1] ? undefined : [outer.field, `data.${inner.field}`];
}
