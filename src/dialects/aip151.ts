import type { Answer } from '../probes/exchange.ts';
import { meaningOf } from '../trace/words.ts';
import { valueAt, type StateMeanings } from '../trace/told.ts';
import type { Dialect } from './dialect.ts';
import { below, isGone, isPerCent, textIn, UNNAMED, unreadable, type StateEvent } from './readings.ts';

/** google.rpc.Code: the error of an operation that was cancelled. */
const CANCELLED = 1;
/** The members of google.longrunning.Operation. */
const MEMBERS: readonly string[] = ['name', 'metadata', 'done', 'error', 'response'];
const PROTO = 'google.longrunning.Operations';
const PROGRESS = ['progressPercent', 'progressPercentage', 'progress'];

/** Whether a body is an Operation beyond doubt: where nothing else says so, it has no other members. */
function isOperation(json: unknown): json is Readonly<Record<string, unknown>> {
  if (!isObject(json)) return false;
  const members = Object.keys(json);
  // JSON of proto3 leaves out what is false or empty.
  return members.every((member) => MEMBERS.includes(member)) && (members.includes('name') || members.includes('done'));
}

/** Whether a monitor tells of one: a later version may have more members, which clients pass over beside `done`. */
function tellsOperation(json: unknown): json is Readonly<Record<string, unknown>> {
  return isOperation(json) || (isObject(json) && typeof json['done'] === 'boolean');
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Whether it is done in both ways, which the proto does not allow. */
function isBoth({ done, error, response }: Readonly<Record<string, unknown>>): boolean {
  return done === true && typeof error === 'object' && error !== null && response !== undefined;
}

function stateOf(operation: Readonly<Record<string, unknown>>, field = 'metadata.state', states: StateMeanings = {}): StateEvent {
  const { done, error } = operation;
  const told = textIn(operation, field);
  const progress = PROGRESS.map((name) => valueAt(operation, `metadata.${name}`)).find(isPerCent);
  const rest = { raw: operation, ...(progress === undefined ? {} : { progress }) };
  const said = told !== undefined && Object.hasOwn(states, told) ? states[told] : undefined;
  if (told !== undefined && said !== undefined && (said !== 'pending' || done !== true)) {
    const ended = {
      ...(said === 'pending' ? {} : { ending: said }),
      ...(said === 'success' && operation['response'] !== undefined ? { result: operation['response'] } : {}),
    };
    return { kind: 'state', state: told, ...ended, ...rest, ...(error === undefined || error === null ? {} : { error }) };
  }
  if (done !== true) {
    // A service names its states as it likes, but only `done` ends it.
    const meaning = told === undefined ? undefined : meaningOf(told);
    return {
      kind: 'state',
      state: meaning === undefined || meaning === 'pending' ? (told ?? UNNAMED.pending) : UNNAMED.pending,
      ...rest,
    };
  }
  if (typeof error === 'object' && error !== null) {
    const ending = valueAt(error, 'code') === CANCELLED ? 'cancelled' : 'failure';
    return { kind: 'state', state: UNNAMED[ending], ending, ...rest, error };
  }
  const { response } = operation;
  return {
    kind: 'state',
    state: UNNAMED.success,
    ending: 'success',
    ...rest,
    ...(response === undefined ? {} : { result: response }),
  };
}

/** `/v1/operations/1`: the version, and what stands before it, are those of the method that was called, else as in operations.proto. */
function monitorOf(name: string, { url }: Answer): string {
  const base = url === '' ? undefined : /^.*?\/v\d+\w*(?=\/)/.exec(new URL(url).pathname)?.[0];
  return `${base ?? '/v1'}/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/**
 * Google's long-running operations: 200 with an Operation, whose `name` is the monitor below the API's version. It is done when
 * `done` is true, with a `response` or an `error`; one that was cancelled has the error 1 (CANCELLED).
 *
 * AIP-151 and google.longrunning.Operations with its HTTP mapping. POST to the monitor with `:cancel` asks to cancel it, at best
 * effort. When to ask again is not said; what an Operation was is forgotten after about 30 days.
 */
export const aip151: Dialect<'aip-151'> = {
  name: 'aip-151',
  says: '200 with an Operation',
  source: 'Google AIP-151, google.longrunning.Operations',
  retryAfter: 'unsaid',
  accepts(answer) {
    const { json, status } = answer;
    if (status >= 300 || !isOperation(json)) return undefined;
    const name = textIn(json, 'name');
    // Both are told: its monitor is asked, rather than one of them believed.
    const state = isBoth(json) && name !== undefined ? undefined : stateOf(json);
    // A name alone may be anybody's; validate-only methods give a done Operation none (AIP-151).
    const isOwn =
      name === undefined
        ? json['done'] === true && ('response' in json || 'error' in json)
        : /(^|\/)operations\/[^/]+$/.test(name);
    const sign = isOwn ? 'own' : 'chosen';
    if (state?.ending !== undefined) return { sign, state };
    if (name === undefined) return undefined;
    return { sign, monitor: monitorOf(name, answer), ...(state === undefined ? {} : { state }) };
  },
  id: ({ json }) => textIn(json, 'name'),
  read(answer, { words }) {
    if (answer.status >= 300) return undefined;
    if (!tellsOperation(answer.json)) return unreadable(answer, 'without an Operation', `${PROTO}, GetOperation`);
    if (isBoth(answer.json)) return unreadable(answer, 'with both an error and a response', `${PROTO}: one of them at most`);
    return stateOf(answer.json, words.field, words.states);
  },
  cancel: (monitor) => ({ method: 'POST', url: below(monitor, ':cancel'), body: {} }),
  // An error is told in the body as well: `{ error: { code: 404, status: 'NOT_FOUND' } }`.
  gone: isGone,
  samples: [
    { is: 'accepted', status: 200, body: { name: 'operations/1', metadata: { '@type': 'x/M', state: 'QUEUED' } } },
    { is: 'accepted', status: 200, body: { name: 'projects/p/operations/1', done: false } },
    { is: 'ended', status: 200, body: { name: '', done: true, response: { '@type': 'x/R', rows: 3 } } },
    {
      is: 'pending',
      status: 200,
      body: { name: 'operations/1', done: false, metadata: { state: 'SUCCEEDED', progressPercent: 99 } },
    },
    { is: 'pending', status: 200, body: { name: 'operations/1' } },
    { is: 'success', status: 200, body: { name: 'operations/1', done: true, response: { '@type': 'x/R', rows: 3 } } },
    { is: 'success', status: 200, body: { name: 'operations/1', done: true } },
    { is: 'failure', status: 200, body: { name: 'operations/1', done: true, error: { code: 3, message: 'no rows' } } },
    { is: 'cancelled', status: 200, body: { name: 'operations/1', done: true, error: { code: 1, message: 'cancelled' } } },
    { is: 'success', status: 200, body: { name: 'operations/1', done: true, response: {}, etag: 'x' } },
    { is: 'unreadable', status: 200, body: { status: 'running' } },
    {
      is: 'unreadable',
      status: 200,
      body: { name: 'operations/1', done: true, error: { code: 3 }, response: { '@type': 'x/R' } },
    },
    { is: 'gone', status: 404, body: { error: { code: 404, status: 'NOT_FOUND' } } },
  ],
};
