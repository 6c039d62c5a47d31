import { addressIn } from '../probes/exchange.ts';
import type { Dialect } from './dialect.ts';

/**
 * 202 with Location: the address of the status monitor, which may change with every answer that is still 202.
 *
 * RFC 9110 gives Location a meaning for 201 and 3xx only (§10.2.2); its use on 202 is OData 4.01 §11.6, ARM and most
 * hand-made APIs. How the monitor tells its state differs, so the first look decides: by status code (202 until done) or by
 * a status in the body (200 throughout).
 */
export const location: Dialect = {
  name: 'location',
  says: '202 with Location',
  monitor: (acceptance) =>
    acceptance.status === 202 || acceptance.status === 201 ? addressIn(acceptance, 'location') : undefined,
  moved: (answer) => (answer.status === 202 ? addressIn(answer, 'location') : undefined),
  readings: ['body-status', 'status-code'],
  cancel: { method: 'DELETE' },
};
