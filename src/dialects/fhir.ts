import { addressIn, bodyOf, type Answer } from '../probes/exchange.ts';
import { valueAt } from '../trace/told.ts';
import type { Dialect } from './dialect.ts';
import { deleteMonitor, failureBy, isFailure, isGone, successBy, UNNAMED, unreadable, type StateEvent } from './readings.ts';

/** Codes of issues that say "not now" (issue-type, below `transient`). */
const NOT_NOW: readonly unknown[] = ['transient', 'lock-error', 'no-store', 'exception', 'timeout', 'incomplete', 'throttled'];

/** The issues of an OperationOutcome that say that it failed. */
function errorsIn(json: unknown): readonly object[] {
  const issues = valueAt(json, 'resourceType') === 'OperationOutcome' ? valueAt(json, 'issue') : undefined;
  return (Array.isArray(issues) ? (issues as readonly unknown[]) : []).filter(
    (issue): issue is object =>
      typeof issue === 'object' && issue !== null && ['error', 'fatal'].includes(String(valueAt(issue, 'severity'))),
  );
}

/** The one answer in a bundle of the type batch-response, with which R5 tells the outcome of an interaction. */
function answered(json: unknown): StateEvent | undefined {
  if (valueAt(json, 'resourceType') !== 'Bundle' || valueAt(json, 'type') !== 'batch-response') return undefined;
  const entries = valueAt(json, 'entry');
  if (!Array.isArray(entries) || entries.length !== 1) return undefined;
  const status = Number(/^\d{3}/.exec(String(valueAt(entries[0], 'response.status')))?.[0]);
  if (!(status >= 400)) {
    const result = valueAt(entries[0], 'resource');
    return { kind: 'state', state: UNNAMED.success, ending: 'success', raw: json, result: result ?? json };
  }
  return {
    kind: 'state',
    state: UNNAMED.failure,
    ending: 'failure',
    raw: json,
    error: valueAt(entries[0], 'response.outcome') ?? status,
  };
}

/** `x-progress` is text for people, of at most 100 characters; a percentage in it is one. */
function pending(answer: Answer): StateEvent {
  const text = answer.headers.get('x-progress');
  const progress = Number(/(?<![\d.])(\d{1,3})(?:\.\d+)? ?%/.exec(text ?? '')?.[1] ?? Number.NaN);
  return {
    kind: 'state',
    state: UNNAMED.pending,
    ...(text === null ? {} : { raw: { 'x-progress': text } }),
    ...(progress <= 100 ? { progress } : {}),
  };
}

/** Whether an error of the server is the operation's, and not about the look. */
function tells({ status, json }: Answer): boolean {
  const errors = errorsIn(json);
  return status >= 500 && errors.length > 0 && !errors.some((issue) => NOT_NOW.includes(valueAt(issue, 'code')));
}

/**
 * FHIR's Asynchronous Request Patterns, and Bulk Data: 202 with Content-Location, where the request preferred `respond-async`;
 * the monitor answers 202 with X-Progress and Retry-After while it is at work, then 200 with a manifest or a bundle, or 4xx or
 * 5xx with an OperationOutcome, which is the failure itself unless its issues are transient. DELETE answers 202, and what was
 * deleted is 404.
 */
export const fhir: Dialect<'fhir'> = {
  name: 'fhir',
  says: '202 with Content-Location',
  source: 'HL7 FHIR R5, Asynchronous Request Patterns; Bulk Data Access 2.0',
  retryAfter: 'should',
  prefer: 'respond-async',
  accepts(answer) {
    const monitor = answer.status === 202 ? addressIn(answer, 'content-location') : undefined;
    if (monitor === undefined) return undefined;
    const type = answer.headers.get('content-type') ?? '';
    const isOwn = /^application\/fhir\+/i.test(type) || (isApplied(answer) && !/\bvnd\.api\+json\b/i.test(type));
    return {
      sign: isOwn ? 'own' : 'shared',
      monitor,
      means: 'a request of FHIR: 202 while it is at work, 200 with the result when it is done',
    };
  },
  moved: (answer) => (answer.status === 202 ? addressIn(answer, 'content-location') : undefined),
  read(answer) {
    if (answer.status === 202) return pending(answer);
    if (answer.status >= 400) return isFailure(answer) || tells(answer) ? failureBy(answer) : undefined;
    if (answer.status >= 300) return undefined;
    if (bodyOf(answer) === undefined) return unreadable(answer, 'without a body', 'FHIR R5, Asynchronous Request Patterns');
    if (errorsIn(answer.json).length > 0) return failureBy(answer);
    return answered(answer.json) ?? successBy(answer);
  },
  tells,
  cancel: deleteMonitor,
  gone: isGone,
  forgetsCancelled: true,
  samples: [
    {
      is: 'accepted',
      status: 202,
      headers: { 'content-location': 'http://api.test/status/1', 'preference-applied': 'respond-async' },
    },
    { is: 'pending', status: 202, headers: { 'x-progress': 'running, 40% done', 'retry-after': '1' } },
    { is: 'success', status: 200, body: { transactionTime: '2024-01-01T00:00:00Z', output: [], error: [] } },
    {
      is: 'success',
      status: 200,
      body: {
        resourceType: 'Bundle',
        type: 'batch-response',
        entry: [{ response: { status: '200 OK' }, resource: { resourceType: 'Patient' } }],
      },
    },
    { is: 'failure', status: 422, body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'invalid' }] } },
    {
      is: 'failure',
      status: 500,
      body: { resourceType: 'OperationOutcome', issue: [{ severity: 'fatal', code: 'processing' }] },
    },
    // The failure is told under 200.
    { is: 'failure', status: 200, body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'invalid' }] } },
    {
      is: 'failure',
      status: 200,
      body: { resourceType: 'Bundle', type: 'batch-response', entry: [{ response: { status: '404 Not Found' } }] },
    },
    {
      is: 'unreadable',
      status: 503,
      body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'transient' }] },
    },
    { is: 'unreadable', status: 204 },
    { is: 'gone', status: 404, body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'not-found' }] } },
  ],
};

/** RFC 7240 §3. */
function isApplied({ headers }: Answer): boolean {
  return /(^|,)\s*respond-async\s*(,|;|$)/i.test(headers.get('preference-applied') ?? '');
}
