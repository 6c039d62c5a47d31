import { addressIn, type Answer } from '../probes/exchange.ts';
import type { Dialect } from './dialect.ts';
import { deleteMonitor, isGone, pendingBy, UNNAMED, unreadable, type StateEvent } from './readings.ts';

/** The outcome that an answer within the answer tells, by its own status. */
function outcome(status: number, body: unknown, raw: unknown): StateEvent {
  const told = raw === undefined ? {} : { raw };
  return status < 400
    ? { kind: 'state', state: UNNAMED.success, ending: 'success', ...told, ...(body === undefined ? {} : { result: body }) }
    : { kind: 'state', state: UNNAMED.failure, ending: 'failure', ...told, error: body ?? status };
}

/** The answer in a body of the type application/http: its status line, its fields and its body (RFC 9112 §2.1). */
function within({ headers, text }: Answer): { readonly status: number; readonly body: unknown } | undefined {
  if (!/^application\/http\b/i.test(headers.get('content-type') ?? '') || text === undefined) return undefined;
  const [, status, rest = ''] = /^HTTP\/\d(?:\.\d)? (\d{3})\b[^\n]*\n([^]*)$/.exec(text) ?? [];
  if (status === undefined) return undefined;
  const end = /(?:^|\r?\n)\r?\n/.exec(rest);
  const body = end === null ? '' : rest.slice(end.index + end[0].length);
  return { status: Number(status), body: body === '' ? undefined : parsed(body) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/**
 * OData 4.01, §11.6 Asynchronous Requests: 202 with Location, and only where the request preferred `respond-async`; the monitor
 * answers 202 with Location again until it is done, and then 200 with the answer that was waited for, as application/http or as
 * the body with its status in AsyncResult. Its own 200 says nothing about the outcome. DELETE of the monitor asks to cancel, and
 * what was cancelled or fetched is 404 or 410.
 */
export const odata: Dialect<'odata'> = {
  name: 'odata',
  says: '202 with Location and OData-Version',
  source: 'OData 4.01 Part 1, §11.6',
  retryAfter: 'may',
  prefer: 'respond-async',
  accepts(answer) {
    const monitor = answer.status === 202 ? addressIn(answer, 'location') : undefined;
    return monitor === undefined ? undefined : { sign: answer.headers.has('odata-version') ? 'own' : 'chosen', monitor };
  },
  moved: (answer) => (answer.status === 202 ? addressIn(answer, 'location') : undefined),
  read(answer, { words }) {
    if (answer.status === 202) return pendingBy(answer, words);
    if (answer.status >= 300) return undefined;
    const inner = within(answer);
    if (inner !== undefined) return outcome(inner.status, inner.body, answer.text);
    const status = /^\d{3}$/.exec(answer.headers.get('asyncresult')?.trim() ?? '')?.[0];
    return status === undefined
      ? unreadable(answer, 'with neither AsyncResult nor a body of the type application/http', 'OData 4.01 §11.6')
      : outcome(Number(status), answer.json ?? answer.text, answer.json ?? answer.text);
  },
  cancel: deleteMonitor,
  gone: isGone,
  forgetsCancelled: true,
  samples: [
    {
      is: 'accepted',
      status: 202,
      headers: { location: 'http://api.test/async/1', 'odata-version': '4.01', 'preference-applied': 'respond-async' },
    },
    { is: 'pending', status: 202, headers: { location: 'http://api.test/async/1' } },
    { is: 'success', status: 200, headers: { asyncresult: '200' }, body: { value: [] } },
    {
      is: 'success',
      status: 200,
      headers: { 'content-type': 'application/http' },
      body: 'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n{"id":1}',
    },
    { is: 'failure', status: 200, headers: { asyncresult: '422' }, body: { error: { code: 'NoRows', message: 'no rows' } } },
    {
      is: 'failure',
      status: 200,
      headers: { 'content-type': 'application/http' },
      body: 'HTTP/1.1 500 Internal Server Error\r\n\r\n',
    },
    // Whether it failed is not told.
    { is: 'unreadable', status: 200, body: { error: { code: 'NoRows' } } },
    { is: 'gone', status: 404 },
  ],
};
