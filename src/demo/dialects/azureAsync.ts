import { AZURE_WORDS, azureError, azureRefusing } from './azure.ts';
import { isOver, outcomeOf, type Dialect, type Scene } from './dialect.ts';
import type { Reply } from '../answers.ts';

const WORDS: typeof AZURE_WORDS = { ...AZURE_WORDS, queued: 'Accepted', running: 'InProgress' };

/** The resource that is being made, which tells how far it is by its own `provisioningState`. */
function resourceOf({ told, result }: Scene): object {
  return {
    id: result,
    name: told.id,
    type: `Holdfast.Demo/${told.kind}`,
    properties: { provisioningState: WORDS[told.status] },
  };
}

function monitorOf({ told, monitor }: Scene): object {
  const { id, status, progress, createdAt, endedAt, result } = told;
  return {
    id: monitor,
    name: id,
    status: WORDS[status],
    percentComplete: progress,
    startTime: createdAt,
    ...(endedAt === undefined ? {} : { endTime: endedAt }),
    ...(result === undefined ? {} : { properties: result }),
    ...azureError(told),
  };
}

const accepted = (scene: Scene): Reply => ({
  status: 202,
  body: resourceOf(scene),
  headers: { 'azure-asyncoperation': scene.monitor, location: scene.result },
});

/** Azure Resource Manager: one address for the state, another for what comes of it. */
export const azureAsync: Dialect = {
  name: 'azure-async',
  says: 'Azure Resource Manager: 202 with Azure-AsyncOperation for the state and Location for the result; provisioningState',
  place: '/operations/',
  absolute: true,
  accepted,
  atOnce: accepted,
  looked: (scene) => ({ status: 200, body: monitorOf(scene), headers: {} }),
  listed: (scenes) => ({ value: scenes.map(monitorOf) }),
  result: {
    name: 'result',
    tell: (scene) =>
      isOver(scene.told) ? outcomeOf(scene) : { status: 202, body: resourceOf(scene), headers: { location: scene.result } },
  },
  cancel: { by: 'DELETE', answer: (scene) => ({ status: 200, body: monitorOf(scene), headers: {} }) },
  refusing: azureRefusing,
};
