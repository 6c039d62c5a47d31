import { HarnessError, show } from '../errors.ts';
import { isOfEnvelope, stateIn, twoWordsIn, valueAt } from '../trace/told.ts';
import type { EventOf } from '../trace/index.ts';
import { meaningOf } from '../trace/words.ts';
import type { OpenContext, Push, Subject } from '../watch/index.ts';

/** What a push source was told: a delivery, an event of a stream, a broker's message, a mail. */
export type Message = EventOf<'message'>;
type State = EventOf<'state'>;

/** What every probe takes that is told. */
export interface ChannelOptions {
  /** What the channel is called in messages and in the trace; by default its kind. */
  readonly name?: string | undefined;
  /**
   * Whom a message is about: the ids by which `operation(start, { also })` knows its own on a channel that tells of several. By
   * default what the message itself calls an operation's or a job's id, and its `subject` where that is an address or the message
   * is a CloudEvent; a message without keys is taken for the operation's.
   *
   * @example
   * ```ts
   * import { webhook } from 'holdfast/probes';
   * const hook = await webhook({ keys: ({ data }) => (data as { order: string }).order });
   * await fetch(hook.url, { method: 'POST', body: '{"order":"order-7"}' });
   * hook.trace.observations.find(({ kind }) => kind === 'message')?.keys; // => ['order-7']
   * await hook.close();
   * ```
   */
  readonly keys?: ((message: Message) => string | readonly string[] | undefined) | undefined;
  /**
   * What state a message tells: a name, or all that it tells of it. By default the `status` or `state` in its data, and what a
   * type such as `operation.succeeded` ends with, where that is a word that is commonly used for a state; what JSend wraps goes
   * before JSend's own `status`; `false` for messages alone.
   */
  readonly state?: false | ((message: Message) => string | Omit<State, 'kind'> | undefined) | undefined;
}

/** A channel that listens from the moment it was made: a subject by itself, and a source for an operation's `also`. */
export interface Channel extends Push, Omit<Subject, 'name'>, AsyncDisposable {
  /** Stops listening; nothing of it is left open. */
  close(): Promise<void>;
}

/**
 * Records what a channel was told: the message, and the state that it tells.
 *
 * @throws HarnessError `invalid-channel` where the caller's own `keys` or `state` gives what cannot be recorded, and where a message
 * tells two states
 */
export function tell(record: OpenContext['record'], message: Message, options: ChannelOptions): void {
  const keys = keysOf(message, options);
  record(message, keys);
  const state = stateOf(message, options);
  if (state !== undefined) record(state, keys);
}

/** Where a message names the operation that it is about. */
const OPERATION_FIELDS = ['operationId', 'operation_id', 'operation.id', 'jobId', 'jobID', 'job_id', 'job.id'];

function keysOf(message: Message, { keys }: ChannelOptions): readonly string[] {
  if (keys === undefined) {
    return bodies(message).flatMap((body) => {
      // The id beside a state is the id of what is in that state.
      const fields = stateIn(body, PLAIN) === undefined ? OPERATION_FIELDS : [...OPERATION_FIELDS, 'id'];
      const told = fields.flatMap((field) => {
        const value = valueAt(body, field);
        return (typeof value === 'string' && value !== '') || typeof value === 'number' ? [String(value)] : [];
      });
      return [...told, ...subjectOf(body)];
    });
  }
  const told: unknown = keys(message) ?? [];
  const list = typeof told === 'string' ? [told] : told;
  if (Array.isArray(list) && list.every((key) => typeof key === 'string')) return list;
  throw new HarnessError(
    'invalid-channel',
    `keys: expected a text, a list of texts or nothing for a message, received ${show(told)}`,
    'give the ids that the message names, as in keys: ({ data }) => data.orderId',
  );
}

/**
 * What a message calls its subject. Of a CloudEvent it is what the event is about (CloudEvents 1.0 §3.1.2); elsewhere it may as well
 * be what a mail is headed by, so that only an address is taken.
 */
function subjectOf(body: Readonly<Record<string, unknown>>): readonly string[] {
  const { subject, specversion } = body;
  if (typeof subject !== 'string' || subject === '') return [];
  return typeof specversion === 'string' || subject.includes('/') ? [subject] : [];
}

const PLAIN = { states: {}, field: undefined };
/** Types whose last word is the state of an operation, and not of something else. */
const OF_AN_OPERATION = /^(?:[\w-]+\.)*(?:operation|job|task)s?\.([\w-]+)$/i;

function stateOf(message: Message, { state }: ChannelOptions): State | undefined {
  if (state === false) return undefined;
  if (state === undefined) {
    const all = bodies(message);
    const two = twoWordsIn(message.data, PLAIN);
    if (two !== undefined && !isOfEnvelope(valueAt(message.data, two[0]))) throw twoStates(message, two);
    // What JSend says of itself is not the state of what it wraps.
    for (const body of two === undefined ? all : all.slice(1)) {
      const told = stateIn(body, PLAIN);
      if (told !== undefined) return told;
    }
    const word = message.type === undefined ? undefined : OF_AN_OPERATION.exec(message.type)?.[1];
    // Of `operation.paged` nobody knows whether it is a state or something that happened.
    return word === undefined || meaningOf(word) === undefined ? undefined : named(word, all.at(-1));
  }
  const told: unknown = state(message);
  if (told === undefined) return undefined;
  if (typeof told === 'string' && told !== '') return named(told, undefined, message.data);
  if (typeof told === 'object' && told !== null && typeof (told as Partial<State>).state === 'string')
    return { kind: 'state', ...(told as Omit<State, 'kind'>) };
  throw new HarnessError(
    'invalid-channel',
    `state: expected the name of a state, a state, or nothing for a message; received ${show(told)}`,
    "write state: ({ data }) => data.phase, or give { state: 'done', ending: 'success' }",
  );
}

function twoStates({ data }: Message, fields: readonly [outer: string, inner: string]): HarnessError {
  const [outer, inner] = fields.map((field) => `${show(valueAt(data, field))} at ${field}`);
  return new HarnessError(
    'invalid-channel',
    `state: expected one state in a message, received ${outer} and ${inner}, which do not mean the same`,
    'say which counts: state: ({ data }) => data.data.status',
  );
}

/**
 * A state by its name, with what a body tells of it besides.
 *
 * @param raw what was told, as it was told
 */
function named(word: string, body: Readonly<Record<string, unknown>> | undefined, raw: unknown = body): State {
  const { raw: _named, ...state } = stateIn({ ...body, status: word }, PLAIN)!;
  return raw === undefined ? state : { ...state, raw };
}

/** The data of a message, and what an envelope wraps: `{ type, timestamp, data }`. */
function bodies({ data }: Message): readonly Readonly<Record<string, unknown>>[] {
  if (!isRecord(data)) return [];
  const inner = data['data'];
  return isRecord(inner) ? [data, inner] : [data];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
