import { HarnessError } from '../errors.ts';
import { progressIn } from '../trace/told.ts';
import { meaningOf } from '../trace/words.ts';
import { plain } from '../trace/plain.ts';
import type { Ending, Event } from '../trace/index.ts';
import { NO_NEWS, type LookContext, type Looked, type Pull, type Viewed } from '../watch/source.ts';
import type { Pace } from '../time/index.ts';

export interface PollOptions {
  /** What the source is called in a trace and a message; the function's name, or `probe`, by default. */
  readonly name?: string | undefined;
  readonly pace?: Pace | undefined;
  /** What your state names mean, where common use does not say: `{ shipped: 'success' }`. */
  readonly states?: Readonly<Record<string, Ending | 'pending'>> | undefined;
}

/**
 * Sees by calling a function of yours, sync or async.
 *
 * What it answers is read as a state: `true` is a success and `false` not yet; a text is the state's name; of an object
 * with a text `status` or `state`, that, and its `progress`. Anything else is kept as a value. A throw or rejection is an observation, not the
 * end of the wait. Looks without news are counted, not kept.
 *
 * @param probe is given an abort signal that fires when nobody waits any more
 * @throws HarnessError `not-a-function`
 *
 * @example
 * ```ts
 * import { subject, watch } from 'holdfast';
 * import { poll } from 'holdfast/probes';
 * import { succeed } from 'holdfast/logic';
 * let stock = 0;
 * setTimeout(() => (stock = 3), 5);
 * const judgement = await watch(subject([poll(() => stock > 0)]), succeed());
 * judgement.verdict; // => 'holds'
 * ```
 */
export function poll(probe: (context: { signal: AbortSignal }) => unknown, options: PollOptions = {}): Pull {
  if (typeof probe !== 'function') {
    throw new HarnessError(
      'not-a-function',
      `poll: expected a function to call, received ${typeof probe === 'object' ? 'an object' : typeof probe}`,
      'wrap what you want to look at again and again: poll(() => job.status)',
    );
  }
  return new Poll(probe, options);
}

/** A class, since many are made: the methods of a thousand of them are the same. */
class Poll implements Pull {
  readonly name: string;
  readonly pace: Pace | undefined;
  readonly #probe: (context: { signal: AbortSignal }) => unknown;
  readonly #states: NonNullable<PollOptions['states']>;
  #last: unknown = NOTHING_YET;
  #lastText: string | undefined;
  #looks = 0;

  constructor(probe: (context: { signal: AbortSignal }) => unknown, { name, pace, states = NO_STATES }: PollOptions) {
    this.#probe = probe;
    this.#states = states;
    this.name = name ?? (probe.name === '' ? 'probe' : probe.name);
    this.pace = pace;
  }

  look(context: LookContext): Looked | Promise<Looked> {
    if (context.fresh) this.#last = NOTHING_YET;
    const look = ++this.#looks;
    let value: unknown;
    try {
      // Called on its own, as it was given.
      value = (0, this.#probe)(context);
    } catch (error) {
      return this.#failed(error);
    }
    return isThenable(value) ? this.#later(value, look, context) : this.#seen(value, context);
  }

  #later(value: PromiseLike<unknown>, look: number, context: LookContext): Promise<Looked> {
    return Promise.resolve(value).then(
      // Nobody is told of a look that was given up: what it saw must not count as told.
      (answer) => (look === this.#looks ? this.#seen(answer, context) : NO_NEWS),
      (error: unknown) => this.#failed(error),
    );
  }

  #seen(value: unknown, { view }: LookContext): Looked | Promise<Looked> {
    const viewed = view?.(value);
    if (viewed === undefined) return this.#read(value);
    return isThenable(viewed) ? viewed.then((then) => this.#told(value, then)) : this.#told(value, viewed);
  }

  /** Those who test values have seen it as it is: it is copied for the trace when they said something new of it, and only in part. */
  #told(value: unknown, { news, only }: Viewed): Looked {
    if (!only) {
      const looked = this.#read(value);
      return news && looked.events.length === 0 ? { events: [valueEvent(value)] } : looked;
    }
    // After a failure even the same answer is news.
    if (!news && this.#last === VIEWED) return NO_NEWS;
    this.#last = VIEWED;
    return { events: [valueEvent(value)] };
  }

  #read(value: unknown): Looked {
    // A primitive is its own copy; anything else may have been changed in place since the last look.
    if (typeof value !== 'object' || value === null) {
      if (Object.is(value, this.#last)) return NO_NEWS;
      this.#last = value;
      this.#lastText = undefined;
      return { events: [eventOf(value, plain(value), this.#states)] };
    }
    const copy = plain(value);
    const text = JSON.stringify(copy);
    if (this.#last === AN_OBJECT && text === this.#lastText) return NO_NEWS;
    this.#last = AN_OBJECT;
    this.#lastText = text;
    return { events: [eventOf(value, copy, this.#states)] };
  }

  /** After a failure even the same answer is news. */
  #failed(error: unknown): never {
    this.#last = NOTHING_YET;
    throw error;
  }
}

const NO_STATES: NonNullable<PollOptions['states']> = {};
const NOTHING_YET: unique symbol = Symbol('nothing yet');
const VIEWED: unique symbol = Symbol('viewed');
const AN_OBJECT: unique symbol = Symbol('an object');

/** How many values the copy of one that was tested has at most: what is said of it is recorded beside it. */
const MAX_TESTED_NODES = 1000;

function valueEvent(given: unknown): Event {
  const value = plain(given, MAX_TESTED_NODES);
  return value === undefined ? { kind: 'value' } : { kind: 'value', value };
}

function eventOf(given: unknown, value: unknown, states: Readonly<Record<string, Ending | 'pending'>>): Event {
  // A text that stands for something else, such as a date or NaN, is no name of a state.
  const name = typeof value === 'string' && typeof given !== 'string' ? undefined : stateIn(value);
  if (name === undefined) return value === undefined ? { kind: 'value' } : { kind: 'value', value };
  const meaning = (Object.hasOwn(states, name) ? states[name] : undefined) ?? (value === true ? 'success' : meaningOf(name));
  const ending = meaning === 'pending' ? undefined : meaning;
  if (typeof value !== 'object')
    return ending === undefined ? { kind: 'state', state: name } : { kind: 'state', state: name, ending };
  const raw = { raw: value, ...progressIn(value) };
  return ending === undefined ? { kind: 'state', state: name, ...raw } : { kind: 'state', state: name, ending, ...raw };
}

function stateIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null) return undefined;
  for (const field of ['status', 'state'] as const) {
    const name: unknown = (value as Record<string, unknown>)[field];
    if (typeof name === 'string') return name;
  }
  return undefined;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
