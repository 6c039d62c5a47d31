import type { OperationOptions } from '../../../src/dialects/operation.ts';
import type { Exchange } from './clients.ts';

/** Exchanges that no one dialect has, or that it forbids; and what decides how they are to be read. */
export interface Mixture {
  readonly name: string;
  readonly client: 'azure' | 'google';
  readonly exchanges: readonly Exchange[];
  /** The dialect that is named to us, where the client that is compared knows no other. */
  readonly dialect?: OperationOptions['dialect'];
  /** The clause by which it is as we say. */
  readonly clause: string;
}

type Told = readonly [status: number, body?: unknown, headers?: Readonly<Record<string, string>>];

const START = 'http://api.test/reports';
const MONITOR = 'http://api.test/operations/1';
const OTHER = 'http://api.test/other/1';

function exchanges(monitor: string, start: Told, ...looks: readonly Told[]): readonly Exchange[] {
  const of = (method: string, url: string, [status, body, headers = {}]: Told): Exchange => ({
    method,
    url,
    status,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? '' : JSON.stringify(body),
  });
  return [of('POST', START, start), ...looks.map((look) => of('GET', monitor, look))];
}

const azure = (name: string, clause: string, start: Told, ...looks: readonly Told[]): Mixture => ({
  name,
  clause,
  client: 'azure',
  exchanges: exchanges(MONITOR, start, ...looks),
});

const google = (name: string, clause: string, ...looks: readonly Told[]): Mixture => ({
  name,
  clause,
  client: 'google',
  exchanges: exchanges('http://api.test/v1/operations/1', [200, { name: 'operations/1' }], ...looks),
});

const OL: Told = [202, undefined, { 'operation-location': MONITOR }];
const LOCATION: Told = [202, undefined, { location: MONITOR }];
const EMPTY = { '@type': 'type.googleapis.com/google.protobuf.Empty' };

export const MIXTURES: readonly Mixture[] = [
  azure(
    '`Location`, and the monitor answers 200 `running`',
    'RFC 9110 §15.3.3: the monitor tells; 200 and its body disagree',
    LOCATION,
    [200, { status: 'running' }],
  ),
  azure(
    '`Location`, and the monitor answers 202 `failed`',
    'RFC 9110 §15.3.3: the monitor tells; 202 and its body disagree',
    LOCATION,
    [202, { status: 'failed' }],
  ),
  azure(
    '`Content-Location` alone, still running',
    'JSON:API, Asynchronous Processing; FHIR R5, async',
    [202, undefined, { 'content-location': MONITOR }],
    [202],
  ),
  azure(
    '201 with a job of OGC that is running',
    'OGC API – Processes, /req/core/job-success',
    [201, { jobID: '1', status: 'accepted' }, { location: MONITOR }],
    [200, { jobID: '1', status: 'running' }],
  ),
  azure(
    '201 with a job of OGC that failed',
    'OGC API – Processes, /req/core/job-success',
    [201, { jobID: '1', status: 'accepted' }, { location: MONITOR }],
    [200, { jobID: '1', status: 'failed', message: 'no rows' }],
  ),
  azure('`Operation-Location`, and no status in the body', 'Azure guidelines, lro-status-monitor-structure', OL, [
    200,
    { id: '1' },
  ]),
  azure('`Operation-Location`, status `PartiallySucceeded`', 'Azure guidelines: only Succeeded, Failed, Canceled end it', OL, [
    200,
    { id: '1', status: 'PartiallySucceeded' },
  ]),
  azure('`Operation-Location`, status `FailingOver`', 'Azure guidelines: only Succeeded, Failed, Canceled end it', OL, [
    200,
    { id: '1', status: 'FailingOver' },
  ]),
  azure('`Operation-Location`, status `Completed`', 'Azure guidelines: only Succeeded, Failed, Canceled end it', OL, [
    200,
    { id: '1', status: 'Completed' },
  ]),
  azure('`Operation-Location`, status 3, a number', 'Azure guidelines, lro-status-monitor-structure: a string', OL, [
    200,
    { id: '1', status: 3 },
  ]),
  azure(
    '`Operation-Location`, 404 before the end',
    'RFC 9110 §15.5.5: how it ended is not told',
    OL,
    [200, { id: '1', status: 'Running' }],
    [404],
  ),
  azure(
    '`Operation-Location`, one 503, then `Succeeded`',
    'RFC 9110 §15.6.4: of the look, and temporary',
    OL,
    [503],
    [200, { id: '1', status: 'Succeeded' }],
  ),
  azure('`Operation-Location`, 202 with `Succeeded`', 'Azure guidelines: the status tells, in every state', OL, [
    202,
    { id: '1', status: 'Succeeded' },
  ]),
  {
    name: '`Operation-Location` that succeeded, `Location` that is running',
    client: 'azure',
    clause: 'RFC 9110 §15.3.3: there is one monitor',
    exchanges: [
      ...exchanges(MONITOR, [202, undefined, { 'operation-location': MONITOR, location: OTHER }], [200, { status: 'Succeeded' }]),
      { method: 'GET', url: OTHER, status: 202, headers: {}, body: '' },
    ],
  },
  google('`done`, with neither response nor error', 'operations.proto: some services set none', [
    200,
    { name: 'operations/1', done: true },
  ]),
  google('not `done`, with a response', 'operations.proto: `done` alone ends it', [
    200,
    { name: 'operations/1', response: EMPTY },
  ]),
  google('`done`, with both error and response', 'operations.proto: exactly one can be set', [
    200,
    { name: 'operations/1', done: true, error: { code: 3, message: 'no rows' }, response: EMPTY },
  ]),
  google(
    '404 before the end',
    'RFC 9110 §15.5.5: how it ended is not told',
    [200, { name: 'operations/1' }],
    [404, { error: { code: 404, message: 'no such operation', status: 'NOT_FOUND' } }],
  ),
  google('`status: succeeded` in place of `done`', 'operations.proto: `done` alone ends it', [
    200,
    { name: 'operations/1', status: 'succeeded' },
  ]),
];
