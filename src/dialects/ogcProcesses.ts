import { addressIn, type Answer } from '../probes/exchange.ts';
import { valueAt } from '../trace/told.ts';
import type { Dialect } from './dialect.ts';
import { below, deleteMonitor, isGone, stateInWords, textIn, unreadable, type OwnWords } from './readings.ts';

/** statusCode.yaml; there are no others. */
const WORDS: OwnWords = {
  accepted: 'pending',
  running: 'pending',
  successful: 'success',
  failed: 'failure',
  dismissed: 'cancelled',
};
const RESULTS = /(^|\/)results$/;

function isStatusInfo(json: unknown): boolean {
  return textIn(json, 'jobID') !== undefined && Object.hasOwn(WORDS, textIn(json, 'status')?.toLowerCase() ?? '');
}

/** The link to the results; OGC names the relation by a URI. */
function resultsIn({ json }: Answer): string | undefined {
  const links = valueAt(json, 'links');
  const link = (Array.isArray(links) ? (links as readonly unknown[]) : []).find((one) => RESULTS.test(textIn(one, 'rel') ?? ''));
  return textIn(link, 'href');
}

/**
 * OGC API – Processes: 201 with Location and a statusInfo, the job that was created; the job answers 200 with a statusInfo whose
 * status is one of five words, and its results are at the link of the relation `results`, else below the job, where they are
 * 404 (result-not-ready) before. DELETE dismisses a job that runs and removes one that has ended; 404 (no-such-job) is gone.
 */
export const ogcProcesses: Dialect<'ogc-processes'> = {
  name: 'ogc-processes',
  says: '201 with Location and a statusInfo',
  source: 'OGC API – Processes 1.0, 18-062r2, /req/core/process-execute-success-async',
  retryAfter: 'unsaid',
  accepts(answer) {
    if (answer.status >= 300) return undefined;
    const monitor = addressIn(answer, 'location');
    if (isStatusInfo(answer.json)) {
      const job = monitor ?? selfIn(answer);
      return job === undefined ? undefined : { sign: 'own', monitor: job };
    }
    return monitor === undefined || answer.status !== 201 ? undefined : { sign: 'chosen', monitor };
  },
  id: ({ json }) => textIn(json, 'jobID'),
  read(answer, { words }) {
    if (answer.status >= 300) return undefined;
    const told = stateInWords(answer.json, words, WORDS, 'status');
    if (told === undefined) return unreadable(answer, 'without a statusInfo', 'OGC API – Processes, /req/core/job-success');
    const error = told.ending === 'failure' ? (valueAt(answer.json, 'exception') ?? told.error) : undefined;
    return error === undefined || error === null ? told : { ...told, error };
  },
  result: (ended) => resultsIn(ended) ?? below(ended.url, '/results'),
  cancel: deleteMonitor,
  gone: isGone,
  samples: [
    { is: 'accepted', status: 201, headers: { location: '/jobs/1' }, body: { jobID: '1', type: 'process', status: 'accepted' } },
    { is: 'accepted', status: 200, headers: { location: '/jobs/1' }, body: { jobID: '1', type: 'process', status: 'running' } },
    { is: 'pending', status: 200, body: { jobID: '1', status: 'running', progress: 40 } },
    { is: 'pending', status: 200, body: { jobID: '1', status: 'completed' } },
    { is: 'success', status: 200, body: { jobID: '1', status: 'successful' } },
    { is: 'failure', status: 200, body: { jobID: '1', status: 'failed', message: 'no rows' } },
    { is: 'cancelled', status: 200, body: { jobID: '1', status: 'dismissed' } },
    { is: 'unreadable', status: 200, body: { rows: 3 } },
    { is: 'gone', status: 404, body: { type: 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job' } },
  ],
};

function selfIn({ json }: Answer): string | undefined {
  const links = valueAt(json, 'links');
  const link = (Array.isArray(links) ? (links as readonly unknown[]) : []).find((one) =>
    ['self', 'monitor', 'status'].includes(textIn(one, 'rel') ?? ''),
  );
  return textIn(link, 'href');
}
