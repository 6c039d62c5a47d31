import { addressIn } from '../probes/exchange.ts';
import type { Dialect } from './dialect.ts';

/**
 * Operation-Location: the address of a status monitor that answers 200 with a `status` in its body, in every state.
 *
 * Microsoft Azure REST API Guidelines (vNext, "Long-Running Operations & Jobs"); the header may come with 200, 201 or 202,
 * and may move on any answer.
 */
export const operationLocation: Dialect = {
  name: 'operation-location',
  says: 'Operation-Location',
  monitor: (acceptance) => (acceptance.status < 300 ? addressIn(acceptance, 'operation-location') : undefined),
  moved: (answer) => addressIn(answer, 'operation-location'),
  readings: ['body-status', 'status-code'],
  cancel: { method: 'DELETE' },
};
