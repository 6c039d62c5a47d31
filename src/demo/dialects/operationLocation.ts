import { AZURE_WORDS, azureError, azureRefusing } from './azure.ts';
import type { Dialect, Scene } from './dialect.ts';
import type { Reply } from '../answers.ts';

function monitorOf({ told }: Scene): object {
  const { id, kind, status, progress, createdAt, endedAt, result } = told;
  return {
    id,
    kind,
    status: AZURE_WORDS[status],
    percentComplete: progress,
    createdDateTime: createdAt,
    ...(endedAt === undefined ? {} : { endedDateTime: endedAt }),
    ...(result === undefined ? {} : { result }),
    ...azureError(told),
  };
}

const accepted = (scene: Scene): Reply => ({
  status: 202,
  body: monitorOf(scene),
  headers: { 'operation-location': scene.monitor },
});

/** The data plane of Azure (Microsoft Azure REST API Guidelines, "Long-Running Operations & Jobs"). */
export const operationLocation: Dialect = {
  name: 'operation-location',
  says: 'Azure data plane: 202 with Operation-Location; the monitor answers 200 with NotStarted, Running, Succeeded, Failed or Canceled',
  place: '/operations/',
  absolute: true,
  accepted,
  // 202 even when there is nothing left to wait for.
  atOnce: accepted,
  looked: (scene) => ({ status: 200, body: monitorOf(scene), headers: {} }),
  listed: (scenes) => ({ value: scenes.map(monitorOf) }),
  cancel: { by: 'DELETE', answer: (scene) => ({ status: 200, body: monitorOf(scene), headers: {} }) },
  refusing: azureRefusing,
};
