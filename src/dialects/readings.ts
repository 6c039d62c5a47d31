import { HarnessError, show } from '../errors.ts';
import { addressIn, bodyOf, nameOf, problemOf, type Answer } from '../probes/exchange.ts';
import {
  endingIn,
  meaningIn,
  progressIn,
  stateIn,
  isOfEnvelope,
  twoWordsIn,
  valueAt,
  wordIn,
  type StateMeanings,
  type StateWords,
} from '../trace/told.ts';
import { meaningOf, type Meaning } from '../trace/words.ts';
import { redactUrl } from '../trace/redact.ts';
import type { EventOf } from '../trace/index.ts';
import type { Ask } from './dialect.ts';

/** How a monitor's answer tells the state: by the HTTP status alone, or by a status in the body. */
export type ReadingName = 'body-status' | 'status-code';

export type StateEvent = EventOf<'state'>;
type ErrorEvent = EventOf<'error'>;

interface Reading {
  /** For messages: how the state is told. */
  readonly says: string;
  /** The state; undefined when the answer cannot be read so. */
  read(answer: Answer, words: StateWords): StateEvent | undefined;
}

/** Names of states where the monitor tells none. */
export const UNNAMED: Readonly<Record<Meaning, string>> = {
  pending: 'running',
  success: 'succeeded',
  failure: 'failed',
  cancelled: 'cancelled',
};

/** Not allowed, not there, no such method or media type: they answer whoever asks, and tell no outcome (RFC 9110 §15.5). */
const ABOUT_THE_LOOK: ReadonlySet<number> = new Set([401, 403, 404, 405, 406, 407, 410]);

const byStatusCode: Reading = {
  says: 'the status code (202 until it is done)',
  read(answer, words) {
    if (answer.status === 202) return pendingBy(answer, words);
    if (answer.status === 303) return seeOther(answer);
    if (answer.status < 300) return successBy(answer);
    // Some are about the look, and "gone" does not say how it ended; other 4xx are the failure itself (ARM asynchronous operations).
    return answer.status >= 400 && !ABOUT_THE_LOOK.has(answer.status) ? failureBy(answer) : undefined;
  },
};

const byBody: Reading = {
  says: 'a status in the body',
  read(answer, words) {
    if (answer.status === 303) return seeOther(answer);
    return answer.status < 300 ? stateInBody(answer, words) : undefined;
  },
};

/**
 * The state in a body, by the caller's words and by common use.
 *
 * @throws HarnessError `ambiguous-reading` where an envelope tells one state, and what it wraps another
 */
export function stateInBody(answer: Answer, words: StateWords): StateEvent | undefined {
  const two = twoWordsIn(answer.json, words);
  // Any other outer word is the job's: what it wraps has a state of its own, as an order has.
  if (two !== undefined && isOfEnvelope(valueAt(answer.json, two[0]))) throw ambiguousField(answer, two, words.states);
  return stateIn(answer.json, words) ?? namedByNothing(answer, words);
}

/** A field that is null or not there tells a state where the caller says which: `{ states: { null: 'pending' } }`. */
function namedByNothing(answer: Answer, { states, field }: StateWords): StateEvent | undefined {
  const values = (field === undefined ? ['status', 'state'] : [field]).map((path) => valueAt(answer.json, path));
  const word = values.includes(null) ? 'null' : values.every((value) => value === undefined) ? 'undefined' : undefined;
  if (word === undefined || answer.json === undefined || !Object.hasOwn(states, word)) return undefined;
  const ending = endingIn(word, states);
  return { kind: 'state', state: word, ...(ending === undefined ? {} : { ending }), raw: answer.json };
}

const READINGS: Readonly<Record<ReadingName, Reading>> = { 'body-status': byBody, 'status-code': byStatusCode };

/** The names a caller may choose from. */
export const READING_NAMES: readonly ReadingName[] = ['body-status', 'status-code'];

/** How a reading tells the state, for messages. */
export function saysOf(reading: ReadingName): string {
  return READINGS[reading].says;
}

/** Reads an answer in a reading that is settled. */
export function readAs(reading: ReadingName, answer: Answer, words: StateWords): StateEvent | undefined {
  return READINGS[reading].read(answer, words);
}

/**
 * Chooses the reading by the monitor's first telling answer, or refuses where two readings fit and disagree.
 *
 * @param acceptance what the operation was accepted with: a status in its body is evidence that the monitor's body has one
 * @param byCode whether this monitor has told by 202 and nothing else that it goes on: then a 200 tells the end in the same way
 * @returns the reading, with the state it reads; `reading` is undefined while all readings agree
 * @throws HarnessError `ambiguous-reading` with the candidates and the option that decides
 */
export function chooseReading(
  answer: Answer,
  candidates: readonly ReadingName[],
  acceptance: Answer | undefined,
  words: StateWords,
  byCode = false,
): { readonly reading: ReadingName | undefined; readonly event: StateEvent | ErrorEvent | undefined } {
  // Every reading takes it for "done" (RFC 9110 §15.4.4).
  if (answer.status === 303) return { reading: undefined, event: seeOther(answer) };
  const code = candidates.includes('status-code') ? byStatusCode.read(answer, words) : undefined;
  const body = candidates.includes('body-status') ? byBody.read(answer, words) : undefined;
  const promised = body === undefined && code?.ending === 'success' && !byCode ? promisedIn(acceptance, words) : undefined;
  if (promised !== undefined && answer.status !== 204 && candidates.includes('body-status'))
    return { reading: undefined, event: withoutPromised(answer, promised, acceptance?.json) };
  if (body === undefined) return { reading: code?.ending === 'success' ? 'status-code' : undefined, event: code };
  if (code === undefined) return { reading: 'body-status', event: body };
  if (bodyTellsStates(answer, acceptance, words)) return { reading: 'body-status', event: body };
  if (code.ending === body.ending && (body.ending !== undefined || meaningIn(body.state, words.states) === 'pending')) {
    // They agree on what matters here. "Still running" settles nothing; an ending is told once, by the simpler reading.
    return body.ending === undefined
      ? { reading: undefined, event: body }
      : { reading: body.result === undefined ? 'status-code' : 'body-status', event: body.result === undefined ? code : body };
  }
  throw ambiguousReading(answer, code, body, words.states);
}

/** A word of work that goes on, which the acceptance told: one who tells states in bodies will tell the end in one too. */
function promisedIn(acceptance: Answer | undefined, { states, field }: StateWords): ReturnType<typeof wordIn> {
  const found = wordIn(acceptance?.json, field);
  return found !== undefined && meaningIn(found.word, states) === 'pending' ? found : undefined;
}

/**
 * What a success by its status code tells whose body lacks the state that the acceptance told. Some tell "not yet" by a field
 * that is null or not there; a body that has more to it may be the result.
 *
 * @throws HarnessError `ambiguous-reading`
 */
function withoutPromised(answer: Answer, promised: { readonly field: string }, accepted: unknown): StateEvent | ErrorEvent {
  const { json } = answer;
  if (json === undefined)
    return unreadable(
      answer,
      `without the ${promised.field} that the acceptance told`,
      "{ reading: 'status-code' } takes it for the end",
    );
  const isNull = valueAt(json, promised.field) === null;
  const members = typeof json === 'object' && json !== null && !Array.isArray(json) ? Object.keys(json) : undefined;
  const known = typeof accepted === 'object' && accepted !== null ? accepted : {};
  if (isNull || members?.every((member) => member in known) === true)
    return { kind: 'state', state: UNNAMED.pending, raw: json, ...progressIn(json) };
  throw new HarnessError(
    'ambiguous-reading',
    `${nameOf(answer)} answered ${answer.status} with ${show(json, 120)}, without the ${promised.field} that the acceptance told, which can be read in two ways that disagree:\n` +
      `    { reading: 'status-code' }  the status code ${answer.status} says that it ${said('success')}; the body is the result\n` +
      `    { reading: 'body-status' }  the body does not say yet how it ended`,
    "say which with operation(start, { reading: 'status-code' }) or { reading: 'body-status' }, or where the state stands: { statusField: 'job.phase' }",
  );
}

function ambiguousField(answer: Answer, fields: readonly string[], states: StateMeanings): HarnessError {
  const ways = fields.map((field) => {
    const word = String(valueAt(answer.json, field));
    return `    { statusField: '${field}' }  ${show(word)}, so it ${said(meaningIn(word, states)!)}`;
  });
  return new HarnessError(
    'ambiguous-reading',
    `${nameOf(answer)} answered ${answer.status} with ${show(answer.json, 120)}, which can be read in two ways that disagree:\n${ways.join('\n')}`,
    `say which with operation(start, { statusField: '${fields[1]!}' }), where the other one is that of the envelope, or { statusField: '${fields[0]!}' }`,
  );
}

/** That a body is told to be JSON and is not, where it would be read as the state or as the result. */
export function brokenBody(answer: Answer): ErrorEvent | undefined {
  const tells = answer.status >= 200 && answer.status < 300 && answer.status !== 202;
  return answer.broken === undefined || !tells
    ? undefined
    : unreadable(answer, `with a body of JSON ${answer.broken}`, 'RFC 8259 §8.1');
}

function ambiguousReading(answer: Answer, code: StateEvent, body: StateEvent, states: StateMeanings): HarnessError {
  const known = meaningIn(body.state, states);
  const bodySays =
    known === undefined ? `${show(body.state)}, a state whose meaning is not known` : `${show(body.state)}, so it ${said(known)}`;
  return new HarnessError(
    'ambiguous-reading',
    `${nameOf(answer)} answered ${answer.status} with ${show(answer.json, 120)}, which can be read in two ways that disagree:\n` +
      `    { reading: 'status-code' }  the status code ${answer.status} says that it ${said(code.ending ?? 'pending')}; the body is the result\n` +
      `    { reading: 'body-status' }  the body says ${bodySays}`,
    known === undefined
      ? `say which with operation(start, { reading: … }); with 'body-status', say also what the state means: { states: { ${/^[A-Za-z_$][\w$]*$/.test(body.state) ? body.state : JSON.stringify(body.state)}: 'success' } } (or 'pending', 'failure', 'cancelled')`
      : "say which with operation(start, { reading: 'body-status' }) or { reading: 'status-code' }",
  );
}

function said(meaning: Meaning): string {
  return { pending: 'is not done', success: 'succeeded', failure: 'failed', cancelled: 'was cancelled' }[meaning];
}

/** Words that no finished resource is likely to have for its own status. */
const ONLY_JOBS = new Set([
  'queued',
  'accepted',
  'pending',
  'notstarted',
  'submitted',
  'scheduled',
  'inprogress',
  'processing',
  'executing',
]);

/** Whether there is evidence that the body's status is the operation's, and not the business resource's own. */
function bodyTellsStates(answer: Answer, acceptance: Answer | undefined, { states, field }: StateWords): boolean {
  const found = wordIn(answer.json, field);
  if (found === undefined) return false;
  if (Object.hasOwn(states, found.word) || field !== undefined) return true;
  if (meaningOf(found.word) === undefined) return false;
  const body = answer.json as Record<string, unknown>;
  const promised = wordIn(acceptance?.json, field);
  if (promised !== undefined && promised.field === found.field && meaningIn(promised.word, states) !== undefined) return true;
  if (answer.headers.has('retry-after') || answer.headers.has('operation-location')) return true;
  if (ONLY_JOBS.has(found.word.toLowerCase().replace(/[\s_-]/g, ''))) return true;
  return ['progress', 'percentComplete', 'percentageComplete', 'jobID', 'jobId', 'operationId'].some((field) => field in body);
}

/** RFC 9110 §15.4.4: the answer is elsewhere; JSON:API recommends it for a job that is done. */
export function seeOther(answer: Answer): StateEvent | undefined {
  const to = addressIn(answer, 'location');
  if (to === undefined) return undefined;
  return { kind: 'state', state: UNNAMED.success, ending: 'success', raw: { location: redactUrl(to) } };
}

/** A success, with the body for its result. */
export function successBy(answer: Answer): StateEvent {
  const raw = bodyOf(answer);
  return { kind: 'state', state: UNNAMED.success, ending: 'success', ...(raw === undefined ? {} : { raw, result: raw }) };
}

/** A failure, with the body for its error. */
export function failureBy(answer: Answer): StateEvent {
  const raw = bodyOf(answer);
  return {
    kind: 'state',
    state: UNNAMED.failure,
    ending: 'failure',
    ...(raw === undefined ? {} : { raw }),
    error: raw ?? answer.status,
  };
}

/** Still at work, by the word that the body may tell for it. */
export function pendingBy(answer: Answer, words: StateWords): StateEvent {
  const raw = bodyOf(answer);
  const word = wordIn(answer.json, words.field)?.word;
  // Read so it is not done: the name of an ending would say that it is.
  const state = word === undefined || endingIn(word, words.states) !== undefined ? UNNAMED.pending : word;
  return { kind: 'state', state, ...(raw === undefined ? {} : { raw }), ...progressIn(answer.json) };
}

/** What an answer tells whose status means what the caller says. */
export function readMeaning(meaning: Meaning, answer: Answer, words: StateWords): StateEvent {
  if (meaning === 'pending') return pendingBy(answer, words);
  if (meaning === 'success') return successBy(answer);
  return { ...failureBy(answer), state: UNNAMED[meaning], ending: meaning };
}

/** What the words of a dialect mean, in small letters. Any other word is not an ending. */
export type OwnWords = Readonly<Record<string, Meaning>>;

/**
 * The state in a body that has words of its own: what the caller says of them goes first, and a word that is not known is not
 * an ending, whatever other APIs mean by it.
 *
 * @param field where the word stands, as a text, unless the caller says otherwise
 */
export function stateInWords(
  json: unknown,
  { states, field: chosen }: StateWords,
  own: OwnWords,
  field: string,
): StateEvent | undefined {
  const word = wordIn(json, chosen ?? field)?.word;
  if (word === undefined || (chosen === undefined && typeof valueAt(json, field) !== 'string')) return undefined;
  const key = word.toLowerCase();
  const meaning = Object.hasOwn(states, word) ? states[word]! : Object.hasOwn(own, key) ? own[key]! : 'pending';
  return stateIn(json, { states: { [word]: meaning }, field: chosen ?? field });
}

/** A member of a body that is an object; undefined where it is none. */
export function memberIn(json: unknown, name: string): Readonly<Record<string, unknown>> | undefined {
  const value = valueAt(json, name);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
}

/** A member of a body that is a text with something in it. */
export function textIn(json: unknown, path: string): string | undefined {
  const value = valueAt(json, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isPerCent(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 100;
}

/** 4xx that is the failure itself, and not about the look: not allowed, not there, no such method or media type. */
export function isFailure({ status }: Answer): boolean {
  return status >= 400 && status < 500 && !ABOUT_THE_LOOK.has(status);
}

/** Not there, or not there any more (RFC 9110 §15.5.5, §15.5.11). */
export function isGone({ status }: Answer): boolean {
  return status === 404 || status === 410;
}

/** What most do: the monitor is deleted. */
export function deleteMonitor(monitor: string): Ask {
  return { method: 'DELETE', url: monitor };
}

/** An address with more at the end of its path. */
export function below(monitor: string, more: string): string {
  const url = new URL(monitor);
  url.pathname += more;
  return url.href;
}

/** An answer that a dialect cannot read: what it was, what was expected, and by which clause. */
export function unreadable(answer: Answer, lacks: string, clause: string): EventOf<'error'> {
  return {
    kind: 'error',
    status: answer.status,
    message: `${nameOf(answer)} answered ${answer.status} ${lacks} (${clause}), so how it stands is not told`,
  };
}

/** The error an answer tells, as a value for the trace. */
export function errorIn(answer: Answer): unknown {
  return answer.json ?? problemOf(answer) ?? answer.status;
}
