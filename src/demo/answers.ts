import type { Clock } from '../time/index.ts';
import type { Problem } from './problem.ts';

/** How responses are made: dated, JSON, with a problem document for every refusal. */
export interface Answers {
  readonly json: (status: number, body: unknown, headers?: Record<string, string>) => Response;
  readonly refuse: (told: Problem, headers?: Record<string, string>) => Response;
  /** A representation with its validator: 304 when the client has it already (RFC 9110 §13.1.2). */
  readonly conditional: (request: Request, etag: string, headers: Record<string, string>, body: () => unknown) => Response;
  /** A body as it is. */
  readonly send: (
    status: number,
    type: string,
    body: string | ReadableStream<Uint8Array>,
    headers?: Record<string, string>,
  ) => Response;
  /** An answer without a body. */
  readonly empty: (status: number, headers?: Record<string, string>) => Response;
}

export function answersOn(clock: Clock): Answers {
  // One text per second: every response is dated (RFC 9110 §6.6.1).
  let dated = -1;
  let date = '';
  const dateNow = (): string => {
    const second = Math.floor(clock.wall() / 1000);
    if (second !== dated) {
      dated = second;
      date = new Date(second * 1000).toUTCString();
    }
    return date;
  };
  const send: Answers['send'] = (status, type, body, headers = {}) =>
    new Response(body, { status, headers: { 'content-type': type, date: dateNow(), ...headers } });
  const empty: Answers['empty'] = (status, headers = {}) =>
    new Response(null, { status, headers: { date: dateNow(), ...headers } });
  const json: Answers['json'] = (status, body, headers) => send(status, 'application/json', `${JSON.stringify(body)}\n`, headers);
  const refuse: Answers['refuse'] = (told, headers) =>
    send(told.status, 'application/problem+json', `${JSON.stringify(told)}\n`, headers);
  const conditional: Answers['conditional'] = (request, etag, headers, body) => {
    const fields = { ...headers, etag, 'cache-control': 'no-cache' };
    const known = request.headers.get('if-none-match');
    return known !== null && lists(known, etag) ? empty(304, fields) : json(200, body(), fields);
  };
  return { json, refuse, conditional, send, empty };
}

/** Whether If-None-Match lists the tag; compared weakly (RFC 9110 §8.8.3.2). */
function lists(field: string, etag: string): boolean {
  return field.split(',').some((item) => item.trim() === '*' || item.trim().replace(/^W\//, '') === etag);
}
