import { problem, type Problem } from '../problem.ts';
import type { Reply } from '../answers.ts';
import { isOver, whyNot, type Dialect, type Scene, type Words } from './dialect.ts';

/** What stands before the name of each exception. */
const EXCEPTIONS = 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/';
const RESULTS = 'http://www.opengis.net/def/rel/ogc/1.0/results';

/** There are five words; to be about to be dismissed is to be running still. */
const WORDS: Words = {
  queued: 'accepted',
  running: 'running',
  cancelling: 'running',
  succeeded: 'successful',
  failed: 'failed',
  cancelled: 'dismissed',
};

function statusInfo({ told, monitor, result }: Scene, status = WORDS[told.status]): object {
  const { id, kind, progress, createdAt, startedAt, endedAt } = told;
  const links = [
    { href: monitor, rel: 'self', type: 'application/json' },
    ...(status === 'successful' ? [{ href: result, rel: RESULTS, type: 'application/json' }] : []),
  ];
  return {
    processID: kind,
    type: 'process',
    jobID: id,
    status,
    progress,
    created: createdAt,
    ...(startedAt === undefined ? {} : { started: startedAt }),
    ...(endedAt === undefined ? {} : { finished: endedAt }),
    ...(isOver(told) && told.status !== 'succeeded' ? { message: whyNot(told).detail } : {}),
    links,
  };
}

const tell = (scene: Scene): Reply => ({ status: 200, body: statusInfo(scene), headers: {} });

function resultOf({ told }: Scene): Reply | Problem {
  if (!isOver(told))
    return { ...problem('not-ready', `the job is ${WORDS[told.status]}`), type: `${EXCEPTIONS}result-not-ready` };
  return told.status === 'succeeded' ? { status: 200, body: told.result ?? {}, headers: {} } : whyNot(told);
}

/** OGC API – Processes 1.0: a job that was created. */
export const ogcProcesses: Dialect = {
  name: 'ogc-processes',
  says: 'OGC API Processes: 201 with the Location of a job and its statusInfo; /jobs/{id}/results; DELETE dismisses, and removes what ended',
  place: '/jobs/',
  accepted: (scene) => ({ status: 201, body: statusInfo(scene), headers: { location: scene.monitor } }),
  looked: tell,
  listed: (scenes) => ({
    jobs: scenes.map((scene) => statusInfo(scene)),
    links: [{ href: '/jobs', rel: 'self', type: 'application/json' }],
  }),
  result: { name: 'results', tell: resultOf },
  cancel: {
    by: 'DELETE',
    answer: tell,
    late: (scene) => ({ status: 200, body: statusInfo(scene, 'dismissed'), headers: {} }),
    forgets: 'ended',
  },
  gone: 404,
  missing: `${EXCEPTIONS}no-such-job`,
};
