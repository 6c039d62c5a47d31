import { HarnessError } from '../errors.ts';
import { meaningOf, plain, type Ending, type Event } from '../trace/index.ts';
import { NO_NEWS, type LookContext, type Looked, type Pull } from '../watch/index.ts';
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
 * with a text `status` or `state`, that. Anything else is kept as a value. A throw or rejection is an observation, not the
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
  const { states = {} } = options;
  let last: unknown = NOTHING_YET;
  let lastText: string | undefined;

  const read = (value: unknown): Looked => {
    // A primitive is its own copy; anything else may have been changed in place since the last look.
    if (typeof value !== 'object' || value === null) {
      if (Object.is(value, last)) return NO_NEWS;
      last = value;
      lastText = undefined;
      return { events: [eventOf(plain(value), states)] };
    }
    const copy = plain(value);
    const text = JSON.stringify(copy);
    if (last === AN_OBJECT && text === lastText) return NO_NEWS;
    last = AN_OBJECT;
    lastText = text;
    return { events: [eventOf(copy, states)] };
  };

  const failed = (error: unknown): never => {
    // After a failure even the same answer is news.
    last = NOTHING_YET;
    throw error;
  };

  return {
    name: options.name ?? (probe.name === '' ? 'probe' : probe.name),
    ...(options.pace === undefined ? {} : { pace: options.pace }),
    look(context: LookContext): Looked | Promise<Looked> {
      if (context.fresh) last = NOTHING_YET;
      let value: unknown;
      try {
        value = probe(context);
      } catch (error) {
        return failed(error);
      }
      return isThenable(value) ? Promise.resolve(value).then(read, failed) : read(value);
    },
  };
}

const NOTHING_YET: unique symbol = Symbol('nothing yet');
const AN_OBJECT: unique symbol = Symbol('an object');

function eventOf(value: unknown, states: Readonly<Record<string, Ending | 'pending'>>): Event {
  const name = stateIn(value);
  if (name === undefined) return value === undefined ? { kind: 'value' } : { kind: 'value', value };
  const meaning = states[name] ?? (value === true ? 'success' : meaningOf(name));
  return {
    kind: 'state',
    state: name,
    ...(meaning === undefined || meaning === 'pending' ? {} : { ending: meaning }),
    ...(typeof value === 'object' ? { raw: value } : {}),
  };
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
