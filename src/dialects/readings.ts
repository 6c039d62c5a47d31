import { HarnessError, show } from '../errors.ts';
import { addressIn, bodyOf, nameOf, problemOf, type Answer } from '../probes/exchange.ts';
import {
  endingIn,
  meaningIn,
  meaningOf,
  progressIn,
  redactUrl,
  stateIn,
  wordIn,
  type EventOf,
  type Meaning,
  type StateMeanings,
  type StateWords,
} from '../trace/index.ts';

/** How a monitor's answer tells the state: by the HTTP status alone, or by a status in the body. */
export type ReadingName = 'body-status' | 'status-code';

type StateEvent = EventOf<'state'>;

interface Reading {
  /** For messages: how the state is told. */
  readonly says: string;
  /** The state; undefined when the answer cannot be read so. */
  read(answer: Answer, words: StateWords): StateEvent | undefined;
}

/** Names of states where the monitor tells none. */
const UNNAMED: Readonly<Record<Meaning, string>> = {
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
    const raw = bodyOf(answer);
    const told = raw === undefined ? {} : { raw };
    if (answer.status === 202) {
      const word = wordIn(answer.json, words.field)?.word;
      // Read so it is not done: the name of an ending would say that it is.
      const state = word === undefined || endingIn(word, words.states) !== undefined ? UNNAMED.pending : word;
      return { kind: 'state', state, ...told, ...progressIn(answer.json) };
    }
    if (answer.status === 303) return seeOther(answer);
    if (answer.status < 300)
      return { kind: 'state', state: UNNAMED.success, ending: 'success', ...told, ...(raw === undefined ? {} : { result: raw }) };
    // Some are about the look, and "gone" does not say how it ended; other 4xx are the failure itself (ARM asynchronous operations).
    if (answer.status < 400 || ABOUT_THE_LOOK.has(answer.status)) return undefined;
    return { kind: 'state', state: UNNAMED.failure, ending: 'failure', ...told, error: raw ?? answer.status };
  },
};

const byBody: Reading = {
  says: 'a status in the body',
  read(answer, words) {
    if (answer.status === 303) return seeOther(answer);
    return answer.status < 300 ? stateIn(answer.json, words) : undefined;
  },
};

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
 * @returns the reading, with the state it reads; `reading` is undefined while all readings agree
 * @throws HarnessError `ambiguous-reading` with the candidates and the option that decides
 */
export function chooseReading(
  answer: Answer,
  candidates: readonly ReadingName[],
  acceptance: Answer | undefined,
  words: StateWords,
): { readonly reading: ReadingName | undefined; readonly event: StateEvent | undefined } {
  // Every reading takes it for "done" (RFC 9110 §15.4.4).
  if (answer.status === 303) return { reading: undefined, event: seeOther(answer) };
  const code = candidates.includes('status-code') ? byStatusCode.read(answer, words) : undefined;
  const body = candidates.includes('body-status') ? byBody.read(answer, words) : undefined;
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

/** The error an answer tells, as a value for the trace. */
export function errorIn(answer: Answer): unknown {
  return answer.json ?? problemOf(answer) ?? answer.status;
}
