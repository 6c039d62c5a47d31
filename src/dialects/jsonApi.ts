import { addressIn, type Answer } from '../probes/exchange.ts';
import { meaningIn, stateIn, valueAt, wordIn } from '../trace/told.ts';
import type { Dialect, Seen } from './dialect.ts';
import {
  deleteMonitor,
  errorIn,
  isFailure,
  isGone,
  memberIn,
  seeOther,
  textIn,
  UNNAMED,
  unreadable,
  type StateEvent,
} from './readings.ts';

const TYPE = /^application\/vnd\.api\+json\b/i;
const STATUS = 'data.attributes.status';

function isDocument(answer: Answer): boolean {
  return TYPE.test(answer.headers.get('content-type') ?? '');
}

/** How the job is, by its attributes: their names are the service's own. */
function jobIn({ json }: Answer, { states, field }: Seen['words']): StateEvent | undefined {
  const attributes = memberIn(json, 'data.attributes');
  const path = field ?? (textIn(json, STATUS) === undefined ? 'data.attributes.state' : STATUS);
  const word = wordIn(json, path)?.word;
  if (attributes === undefined || word === undefined) return undefined;
  const meaning = meaningIn(word, states);
  const told = stateIn({ ...attributes, status: word }, { states: { [word]: meaning ?? 'pending' }, field: 'status' });
  return told === undefined ? undefined : { ...told, raw: json };
}

/**
 * JSON:API, "Asynchronous Processing" of its recommendations: 202 with Content-Location of a job, which answers 200 while it is at
 * work, with Retry-After if the server likes, and 303 with the Location of what was made when it is done.
 *
 * How a failure is told is not said: a status among the job's attributes counts, by its common meaning, and an error of 4xx.
 */
export const jsonApi: Dialect<'json-api'> = {
  name: 'json-api',
  says: '202 with Content-Location',
  source: 'JSON:API recommendations, Asynchronous Processing',
  retryAfter: 'may',
  accepts(answer) {
    const monitor = answer.status === 202 ? addressIn(answer, 'content-location') : undefined;
    if (monitor === undefined) return undefined;
    const state = jobIn(answer, { states: {}, field: undefined });
    return {
      sign: isDocument(answer) ? 'own' : 'shared',
      monitor,
      means: 'a job of JSON:API: 200 while it is at work, 303 when it is done',
      ...(state === undefined || state.ending !== undefined ? {} : { state }),
    };
  },
  id: ({ json }) => textIn(json, 'data.id'),
  moved: (answer) => (answer.status === 202 ? addressIn(answer, 'content-location') : undefined),
  read(answer, { words }) {
    if (answer.status === 303) return seeOther(answer);
    if (answer.status >= 300) {
      return isFailure(answer)
        ? {
            kind: 'state',
            state: UNNAMED.failure,
            ending: 'failure',
            raw: answer.json,
            error: valueAt(answer.json, 'errors') ?? errorIn(answer),
          }
        : undefined;
    }
    const job = jobIn(answer, words);
    if (job !== undefined) return job;
    return typeof answer.json === 'object' && answer.json !== null
      ? { kind: 'state', state: UNNAMED.pending, raw: answer.json }
      : unreadable(answer, 'without a document', 'JSON:API recommendations, Asynchronous Processing');
  },
  cancel: deleteMonitor,
  gone: isGone,
  samples: [
    {
      is: 'accepted',
      status: 202,
      headers: { 'content-type': 'application/vnd.api+json', 'content-location': '/jobs/1' },
      body: { data: { type: 'jobs', id: '1', attributes: { status: 'Pending request, waiting other process' } } },
    },
    {
      is: 'pending',
      status: 200,
      body: { data: { type: 'jobs', id: '1', attributes: { status: 'Pending request, waiting other process' } } },
    },
    { is: 'pending', status: 200, body: { data: { type: 'jobs', id: '1' } } },
    { is: 'success', status: 303, headers: { location: '/photos/1' } },
    {
      is: 'failure',
      status: 200,
      body: { data: { type: 'jobs', id: '1', attributes: { status: 'failed', error: { title: 'no rows' } } } },
    },
    { is: 'failure', status: 422, body: { errors: [{ status: '422', title: 'no rows' }] } },
    { is: 'cancelled', status: 200, body: { data: { type: 'jobs', id: '1', attributes: { status: 'cancelled' } } } },
    { is: 'unreadable', status: 204 },
    { is: 'gone', status: 404 },
  ],
};
