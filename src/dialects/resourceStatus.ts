import { addressIn, type Answer } from '../probes/exchange.ts';
import { stateIn, valueAt } from '../trace/told.ts';
import type { Dialect } from './dialect.ts';
import { below, isGone, seeOther, stateInBody, textIn, unreadable } from './readings.ts';

/** Where a resource says that it is itself. */
const SELF = ['_links.self.href', 'links.self.href', 'links.self', 'self', 'href', 'url'];

function addressOf(answer: Answer): string | undefined {
  return addressIn(answer, 'location') ?? SELF.map((path) => textIn(answer.json, path)).find((at) => at !== undefined);
}

/**
 * No standard, and what most hand-made APIs do: the resource is there at once (201 with Location, or a body that says where it
 * is), and a status of its own tells when it is ready. What it ends with is `result`, `data`, or the resource itself.
 *
 * Other resources have a status too, which tells of no work: so it must be chosen. There is nothing but the resource, so that
 * DELETE would remove it: POST below it, to `/cancel`, asks to cancel.
 */
export const resourceStatus: Dialect<'resource-status'> = {
  name: 'resource-status',
  says: 'a resource with a status of its own',
  source: 'no standard; common use',
  retryAfter: 'unsaid',
  accepts(answer) {
    if (answer.status >= 300) return undefined;
    const monitor = addressOf(answer);
    const tells = stateIn(answer.json, { states: {}, field: undefined }) !== undefined;
    if (monitor === undefined || (answer.status === 200 && !tells)) return undefined;
    return {
      sign: 'chosen',
      monitor,
      ...(tells ? { means: 'the resource was created, and its status tells when it is ready' } : {}),
    };
  },
  moved: () => undefined,
  read(answer, { words }) {
    if (answer.status === 303) return seeOther(answer);
    if (answer.status >= 300) return undefined;
    const told = stateInBody(answer, words);
    if (told === undefined) return unreadable(answer, 'without a status in its body', 'which { statusField } can name');
    if (told.ending !== 'success' || told.result !== undefined) return told;
    return { ...told, result: valueAt(answer.json, 'data') ?? answer.json };
  },
  cancel: (monitor) => ({ method: 'POST', url: below(monitor, '/cancel') }),
  gone: isGone,
  samples: [
    { is: 'accepted', status: 201, headers: { location: '/batches/1' }, body: { id: '1', status: 'validating' } },
    { is: 'accepted', status: 200, body: { id: '1', url: 'http://api.test/batches/1', status: 'pending' } },
    { is: 'pending', status: 200, body: { id: '1', status: 'in_progress' } },
    { is: 'success', status: 200, body: { id: '1', status: 'completed', data: { rows: 3 } } },
    { is: 'failure', status: 200, body: { id: '1', status: 'errored', error: { code: 'NoRows', message: 'no rows' } } },
    { is: 'cancelled', status: 200, body: { id: '1', status: 'canceled' } },
    { is: 'unreadable', status: 200, body: { rows: 3 } },
    { is: 'gone', status: 404 },
  ],
};
