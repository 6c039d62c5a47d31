import type { Problem } from '../problem.ts';
import type { Reply } from '../answers.ts';
import { isOver, pascal, whyNot, type Dialect, type Scene } from './dialect.ts';

const TYPE = 'application/fhir+json';

/** Codes of issues that say more than that processing failed. */
const ISSUES: Readonly<Record<number, string>> = {
  400: 'invalid',
  401: 'login',
  404: 'not-found',
  409: 'conflict',
  410: 'deleted',
  422: 'invalid',
  429: 'throttled',
  503: 'transient',
  504: 'timeout',
};

function outcome(why: Problem): object {
  const code = ISSUES[why.status] ?? 'processing';
  const issues = (why.errors ?? [{ detail: why.detail }]).map(({ detail }) => ({
    severity: 'error',
    code,
    details: { text: why.title },
    diagnostics: detail,
  }));
  return { resourceType: 'OperationOutcome', issue: issues };
}

/** A manifest: where what was made is to be fetched from. */
function manifest({ told, result, monitor }: Scene): object {
  const output = [{ type: pascal(told.kind), url: result }];
  return { transactionTime: told.endedAt ?? told.createdAt, request: monitor, requiresAccessToken: false, output, error: [] };
}

function looked(scene: Scene): Reply | Problem {
  const { told } = scene;
  if (!isOver(told)) return { status: 202, headers: { 'x-progress': `${told.status}, ${told.progress}% done` } };
  return told.status === 'succeeded'
    ? { status: 200, body: manifest(scene), headers: { 'content-type': 'application/json' } }
    : whyNot(told);
}

/** FHIR's asynchronous request pattern, with the manifest of Bulk Data. */
export const fhir: Dialect = {
  name: 'fhir',
  says: 'FHIR: 202 with Content-Location, only with Prefer: respond-async; 202 with X-Progress, then a manifest, or an OperationOutcome',
  place: '/operations/',
  absolute: true,
  onlyIfAsked: true,
  accepted: ({ monitor }) => ({ status: 202, headers: { 'content-location': monitor } }),
  looked,
  result: {
    name: 'result',
    tell: ({ told }) => (told.status === 'succeeded' ? { status: 200, body: told.result ?? {}, headers: {} } : whyNot(told)),
  },
  cancel: {
    by: 'DELETE',
    answer: () => ({ status: 202, headers: {} }),
    // What has ended may be thrown away as well.
    late: () => ({ status: 202, headers: {} }),
    forgets: 'all',
  },
  gone: 404,
  refusing: (why) => ({ type: TYPE, body: outcome(why) }),
};
