import { addressIn } from '../probes/exchange.ts';
import type { Dialect } from './dialect.ts';
import { deleteMonitor, isGone } from './readings.ts';

/**
 * 202 with Location: the address of the status monitor, which may change with every answer that is still 202.
 *
 * RFC 9110 gives Location a meaning for 201 and 3xx only (§10.2.2); its use on 202 is OData 4.01 §11.6, ARM and most
 * hand-made APIs. How the monitor tells its state differs, so the first look decides: by status code (202 until done) or by
 * a status in the body (200 throughout).
 */
export const location: Dialect<'location'> = {
  name: 'location',
  says: '202 with Location',
  source: 'RFC 9110 §15.3.3, and common use',
  retryAfter: 'may',
  accepts(answer) {
    const monitor = addressIn(answer, 'location');
    if (monitor === undefined || (answer.status !== 201 && answer.status !== 202)) return undefined;
    // With 201 it is the resource that was created, unless the caller knows better (§15.3.2).
    return { sign: answer.status === 202 ? 'shared' : 'chosen', monitor };
  },
  moved: (answer) => (answer.status === 202 ? addressIn(answer, 'location') : undefined),
  read: 'first-answer',
  cancel: deleteMonitor,
  gone: isGone,
  samples: [
    { is: 'accepted', status: 202, headers: { location: '/operations/1' } },
    { is: 'pending', status: 202 },
    { is: 'pending', status: 200, body: { status: 'queued' } },
    { is: 'success', status: 200, body: { status: 'succeeded', result: { rows: 3 } } },
    { is: 'success', status: 303, headers: { location: '/reports/1' } },
    { is: 'failure', status: 200, body: { status: 'failed', progress: 40, error: { title: 'no rows' } } },
    { is: 'cancelled', status: 200, body: { status: 'cancelled', progress: 40 } },
    { is: 'gone', status: 410 },
  ],
};
