import { whyNot, type Dialect, type Scene, type Words } from './dialect.ts';

const WORDS: Words = {
  queued: 'queued',
  running: 'running',
  cancelling: 'canceling',
  succeeded: 'finished',
  failed: 'failed',
  cancelled: 'canceled',
};

function jobOf({ told, result }: Scene): object {
  const { id, kind, status, progress, createdAt, startedAt, endedAt, resultUrl } = told;
  return {
    id,
    kind,
    status: WORDS[status],
    progress_percent: progress,
    created_at: createdAt,
    ...(startedAt === undefined ? {} : { started_at: startedAt }),
    ...(endedAt === undefined ? {} : { ended_at: endedAt }),
    ...(status === 'succeeded' ? { [`${kind}_id`]: (resultUrl ?? id).split('/').at(-1), [`${kind}_url`]: result } : {}),
    ...(status === 'failed' ? { error: whyNot(told) } : {}),
  };
}

/** Zalando's RESTful API guidelines, rule 253: a job is a resource of its own, which names what it made. */
export const jobResource: Dialect = {
  name: 'job-resource',
  says: 'Zalando rule 253: 201 with the Location of a job; the job answers 200, and names what it made when it is finished',
  place: '/jobs/',
  accepted: (scene) => ({ status: 201, body: jobOf(scene), headers: { location: scene.monitor } }),
  looked: (scene) => ({ status: 200, body: jobOf(scene), headers: {} }),
  listed: (scenes) => ({ items: scenes.map(jobOf) }),
  result: {
    name: 'result',
    tell: ({ told }) => (told.status === 'succeeded' ? { status: 200, body: told.result ?? {}, headers: {} } : whyNot(told)),
  },
  cancel: { by: 'DELETE', answer: (scene) => ({ status: 200, body: jobOf(scene), headers: {} }) },
};
