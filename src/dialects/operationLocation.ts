import { addressIn } from '../probes/exchange.ts';
import type { Dialect } from './dialect.ts';
import { deleteMonitor, isGone, stateInWords, textIn, unreadable, type OwnWords } from './readings.ts';

/** The terminal words of Azure; a service may add states of its own, but no endings. */
export const AZURE_WORDS: OwnWords = { succeeded: 'success', failed: 'failure', canceled: 'cancelled', cancelled: 'cancelled' };

/**
 * Operation-Location: the address of a status monitor that answers 200 with a `status` in its body, in every state.
 *
 * Microsoft Azure REST API Guidelines (vNext, "Long-Running Operations & Jobs"); the header may come with 200, 201 or 202,
 * and may move on any answer. Only Succeeded, Failed and Canceled end it: real clients that search for parts of words take
 * "PartiallySucceeded" for a success and "FailingOver" for a failure. The result of an action is `result`, of anything else
 * the resource (`resourceLocation`). Cancelling is not in the guidelines; DELETE of the monitor is common.
 */
export const operationLocation: Dialect<'operation-location'> = {
  name: 'operation-location',
  says: 'Operation-Location',
  source: 'Microsoft Azure REST API Guidelines, Long-Running Operations & Jobs',
  retryAfter: 'must',
  accepts(answer) {
    const monitor = answer.status < 300 ? addressIn(answer, 'operation-location') : undefined;
    if (monitor === undefined) return undefined;
    // The resource that was created, beside the monitor of its creation.
    const other = answer.status === 201 ? addressIn(answer, 'location') : undefined;
    return { sign: 'own', monitor, ...(other === undefined ? {} : { other }) };
  },
  moved: (answer) => addressIn(answer, 'operation-location'),
  read(answer, { words }) {
    if (answer.status >= 300) return undefined;
    return (
      stateInWords(answer.json, words, AZURE_WORDS, 'status') ??
      unreadable(answer, 'without a status in its body', 'Azure guidelines, lro-status-monitor-structure')
    );
  },
  result: (ended) => textIn(ended.json, 'resourceLocation'),
  cancel: deleteMonitor,
  gone: isGone,
  samples: [
    {
      is: 'accepted',
      status: 202,
      headers: { 'operation-location': 'http://api.test/operations/1' },
      body: { id: '1', status: 'NotStarted' },
    },
    { is: 'pending', status: 200, headers: { 'retry-after': '1' }, body: { id: '1', status: 'Running', percentComplete: 40 } },
    // Neither is one of the three that end it.
    { is: 'pending', status: 200, body: { id: '1', status: 'FailingOver' } },
    { is: 'pending', status: 200, body: { id: '1', status: 'Completed' } },
    { is: 'success', status: 200, body: { id: '1', status: 'Succeeded', result: { rows: 3 } } },
    { is: 'failure', status: 200, body: { id: '1', status: 'Failed', error: { code: 'NoRows', message: 'no rows' } } },
    { is: 'cancelled', status: 200, body: { id: '1', status: 'Canceled' } },
    { is: 'unreadable', status: 200, body: { id: '1' } },
    { is: 'gone', status: 404 },
  ],
};
