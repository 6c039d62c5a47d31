import { codedError, whyNot, type Dialect, type Scene, type Words } from './dialect.ts';

const WORDS: Words = {
  queued: 'pending',
  running: 'processing',
  cancelling: 'canceling',
  succeeded: 'completed',
  failed: 'errored',
  cancelled: 'canceled',
};

function resourceOf({ told }: Scene): object {
  const { id, kind, status, progress, createdAt, endedAt, result } = told;
  return {
    id,
    object: kind,
    status: WORDS[status],
    progress,
    created_at: createdAt,
    ended_at: endedAt ?? null,
    data: result ?? null,
    error: status === 'failed' ? codedError(whyNot(told)) : null,
  };
}

/** What most hand-made APIs do: the thing is there at once, and has a status. */
export const statusField: Dialect = {
  name: 'status-field',
  says: 'no standard: 201 with a resource that has a status of its own, to be read again until it is completed; POST …/cancel',
  place: '/operations/',
  accepted: (scene) => ({ status: 201, body: resourceOf(scene), headers: { location: scene.monitor } }),
  looked: (scene) => ({ status: 200, body: resourceOf(scene), headers: {} }),
  listed: (scenes) => ({ data: scenes.map(resourceOf) }),
  cancel: { by: '/cancel', answer: (scene) => ({ status: 200, body: resourceOf(scene), headers: {} }) },
};
