import { addressIn } from '../probes/exchange.ts';
import { valueAt } from '../trace/told.ts';
import type { Dialect } from './dialect.ts';
import {
  deleteMonitor,
  failureBy,
  isFailure,
  isGone,
  isPerCent,
  pendingBy,
  seeOther,
  stateInBody,
  successBy,
  textIn,
  unreadable,
} from './readings.ts';

/** Names of members are in snake_case (rule 118). */
const PROGRESS = ['progress', 'progress_percent', 'percent_complete'];

/**
 * Zalando's RESTful API guidelines, rule 253, in its two forms. A job is a resource of its own: 201 with its Location, and the job
 * answers 200 with a status, and names what it made when it is finished. Or what is to be made has its address at once: 202 with
 * Location, which answers 202 without a body until it is there, and then 200 with it; 204 and 404 are not for "not yet".
 *
 * With 201 it may as well be a resource that was created, and with 202 plain `location`, so it must be chosen.
 */
export const jobResource: Dialect<'job-resource'> = {
  name: 'job-resource',
  says: '201 with the Location of a job, or 202 with that of what will be',
  source: 'Zalando RESTful API and Event Guidelines, rule 253',
  retryAfter: 'unsaid',
  accepts(answer) {
    const monitor = addressIn(answer, 'location');
    if (monitor === undefined) return undefined;
    if (answer.status === 202) return { sign: 'chosen', monitor };
    return answer.status === 201
      ? { sign: 'chosen', monitor, means: 'a job was created, and tells how it goes (Zalando rule 253)' }
      : undefined;
  },
  moved: (answer) => (answer.status === 202 ? addressIn(answer, 'location') : undefined),
  read(answer, { words, acceptance }) {
    if (answer.status === 202) return pendingBy(answer, words);
    if (answer.status === 303) return seeOther(answer);
    if (acceptance?.status === 202) {
      if (answer.status >= 300) return isFailure(answer) ? failureBy(answer) : undefined;
      return answer.status === 204 ? unreadable(answer, 'while it is made', 'Zalando rule 253') : successBy(answer);
    }
    if (answer.status >= 300) return undefined;
    const state = stateInBody(answer, words);
    if (state === undefined) return unreadable(answer, 'without a status in its body', 'Zalando rule 253');
    const progress = PROGRESS.map((name) => valueAt(answer.json, name)).find(isPerCent);
    const told = progress === undefined ? state : { ...state, progress };
    // The job that is finished names what it made in a way of its own.
    return told.ending === 'success' && told.result === undefined ? { ...told, result: answer.json } : told;
  },
  result: (ended) => textIn(ended.json, '_links.result.href'),
  cancel: deleteMonitor,
  gone: isGone,
  samples: [
    { is: 'accepted', status: 201, headers: { location: '/report-jobs/1' }, body: { id: '1', status: 'queued' } },
    { is: 'accepted', status: 202, headers: { location: '/reports/1' } },
    { is: 'pending', status: 200, body: { id: '1', status: 'running' } },
    { is: 'pending', status: 202 },
    { is: 'success', status: 200, body: { id: '1', status: 'finished', report_id: '7' } },
    { is: 'failure', status: 200, body: { id: '1', status: 'failed', error: { title: 'no rows' } } },
    { is: 'cancelled', status: 200, body: { id: '1', status: 'canceled' } },
    { is: 'unreadable', status: 200, body: { rows: 3 } },
    { is: 'gone', status: 404 },
  ],
};
