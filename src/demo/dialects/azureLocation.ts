import { azureRefusing } from './azure.ts';
import { isOver, outcomeOf, type Dialect, type Scene } from './dialect.ts';
import type { Reply } from '../answers.ts';

const pending = ({ monitor }: Scene): Reply => ({ status: 202, headers: { location: monitor } });

/** Azure Resource Manager with Location alone: the status code tells the state, and no body does. */
export const azureLocation: Dialect = {
  name: 'azure-location',
  says: 'Azure with Location alone: 202 without a body until it is done, then the result, or the error with its status',
  place: '/operations/',
  absolute: true,
  accepted: pending,
  looked: (scene) => (isOver(scene.told) ? outcomeOf(scene) : pending(scene)),
  cancel: {
    by: 'DELETE',
    answer: (scene) => (isOver(scene.told) ? { status: 204, headers: {} } : pending(scene)),
  },
  refusing: azureRefusing,
};
