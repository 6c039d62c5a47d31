import { addressIn, resolved, type Answer } from '../probes/exchange.ts';
import type { StateWords } from '../trace/index.ts';
import type { Dialect } from './dialect.ts';
import { AZURE_WORDS } from './operationLocation.ts';
import {
  deleteMonitor,
  failureBy,
  isFailure,
  isGone,
  memberIn,
  pendingBy,
  stateInWords,
  successBy,
  textIn,
  unreadable,
  type StateEvent,
} from './readings.ts';

/** Where a resource tells how it is being made; some tell it at the top. */
const STATES = ['properties.provisioningState', 'provisioningState'];

function provisioning({ json }: Answer, words: StateWords): StateEvent | undefined {
  const field = STATES.find((path) => textIn(json, path) !== undefined);
  return field === undefined ? undefined : stateInWords(json, words, AZURE_WORDS, field);
}

/** What an action gave is among the properties of the monitor, where no Location names it. */
function withProperties(told: StateEvent, { json }: Answer, acceptance: Answer | undefined): StateEvent {
  const isElsewhere =
    acceptance !== undefined &&
    (acceptance.method === 'PUT' || acceptance.method === 'PATCH' || addressIn(acceptance, 'location') !== undefined);
  const properties = memberIn(json, 'properties');
  return told.ending !== 'success' || told.result !== undefined || isElsewhere || properties === undefined
    ? told
    : { ...told, result: properties };
}

/**
 * Azure Resource Manager, "Asynchronous Operations", in its three forms: Azure-AsyncOperation names a monitor with a `status`,
 * and Location beside it the result; Location alone names a monitor that tells by its status code (202 until it is done);
 * and of a PUT without either the resource itself tells, by `properties.provisioningState`.
 *
 * Succeeded, Failed and Canceled end it, and nothing else does. Location alone is recognised as plain `location`: say
 * `{ dialect: 'azure-async' }` where it is known to be ARM's.
 */
export const azureAsync: Dialect<'azure-async'> = {
  name: 'azure-async',
  says: 'Azure-AsyncOperation',
  source: 'Azure Resource Manager RPC, Asynchronous Operations',
  retryAfter: 'may',
  accepts(answer) {
    if (answer.status >= 300) return undefined;
    const other = addressIn(answer, 'location');
    const monitor = addressIn(answer, 'azure-asyncoperation');
    if (monitor !== undefined) {
      // Some services send both fields, for clients of either kind.
      const sign = monitor === addressIn(answer, 'operation-location') ? 'shared' : 'own';
      return { sign, monitor, ...(other === undefined ? {} : { other }) };
    }
    if (answer.status === 202) return other === undefined ? undefined : { sign: 'chosen', monitor: other };
    const state = provisioning(answer, NO_WORDS);
    // Of PUT and PATCH the address of the request is that of the resource; a start that the caller sent is not known better.
    if (state === undefined || answer.url === '' || !['PUT', 'PATCH', ''].includes(answer.method)) return undefined;
    return state.ending === undefined ? { sign: 'own', monitor: answer.url, state } : { sign: 'own', state };
  },
  moved(answer, acceptance) {
    const monitor = addressIn(answer, 'azure-asyncoperation');
    // Beside an Azure-AsyncOperation, Location is that of the result.
    const isResult = acceptance?.headers.has('azure-asyncoperation') === true;
    return monitor ?? (answer.status === 202 && !isResult ? addressIn(answer, 'location') : undefined);
  },
  read(answer, { words, acceptance }) {
    if (answer.status < 300) {
      const told = stateInWords(answer.json, words, AZURE_WORDS, 'status');
      if (told !== undefined) return withProperties(told, answer, acceptance);
    }
    if (acceptance?.headers.has('azure-asyncoperation') === true) {
      return answer.status < 300 ? unreadable(answer, 'without a status in its body', 'ARM, Azure-AsyncOperation') : undefined;
    }
    if (answer.status === 202) return pendingBy(answer, words);
    if (answer.status >= 300) return isFailure(answer) ? failureBy(answer) : undefined;
    const told = provisioning(answer, words);
    if (told === undefined) return successBy(answer);
    // The resource that tells how it is being made is what comes of it.
    return told.ending === 'success' ? { ...told, result: answer.json } : told;
  },
  result(ended, acceptance) {
    const named = textIn(ended.json, 'resourceLocation');
    if (named !== undefined) return named;
    // Whoever polls the resource has it already; `properties` holds what an action gave.
    if (acceptance?.headers.has('azure-asyncoperation') !== true) return undefined;
    if (acceptance.method === 'PUT' || acceptance.method === 'PATCH') return acceptance.url;
    const location = addressIn(acceptance, 'location');
    return location === undefined ? undefined : resolved(location, acceptance.url);
  },
  cancel: deleteMonitor,
  gone: isGone,
  samples: [
    {
      is: 'accepted',
      status: 202,
      headers: { 'azure-asyncoperation': 'http://api.test/operations/1', location: 'http://api.test/operations/1/result' },
    },
    { is: 'accepted', method: 'PUT', status: 201, body: { id: '/sites/1', properties: { provisioningState: 'Creating' } } },
    { is: 'ended', method: 'PUT', status: 200, body: { id: '/sites/1', properties: { provisioningState: 'Succeeded' } } },
    { is: 'pending', status: 200, body: { id: '1', status: 'InProgress', percentComplete: 40 } },
    { is: 'pending', status: 200, body: { id: '/sites/1', properties: { provisioningState: 'Updating' } } },
    { is: 'pending', status: 202 },
    { is: 'success', status: 200, body: { id: '1', status: 'Succeeded', properties: { output: 3 } } },
    { is: 'success', status: 200, body: { id: '/sites/1', properties: { provisioningState: 'Succeeded' } } },
    { is: 'failure', status: 200, body: { id: '1', status: 'Failed', error: { code: 'NoRows', message: 'no rows' } } },
    { is: 'failure', status: 409, body: { error: { code: 'Conflict', message: 'it is locked' } } },
    { is: 'cancelled', status: 200, body: { id: '1', status: 'Canceled' } },
    { is: 'gone', status: 404 },
  ],
};

const NO_WORDS = { states: {}, field: undefined } as const;
