import type { Clock } from '../time/index.ts';
import type { Problem } from './problem.ts';

/** An answer as it is kept, to be given again. */
export interface Reply {
  readonly status: number;
  /** Sent as JSON; a text is sent as it is. */
  readonly body?: object | string | undefined;
  readonly headers: Record<string, string>;
  /** The operation that was accepted. */
  readonly operation?: string;
  /** Whether that operation may yet be waited for, and its end be the answer. */
  readonly open?: boolean;
  /** What it was refused for, where refusals are kept. */
  readonly problem?: Problem;
}

/** How a refusal is written, where that is not as problem details. */
export type Refusing = (told: Problem) => {
  readonly type: string;
  readonly body: object;
  readonly headers?: Record<string, string>;
};

/** How responses are made: dated, JSON, with a problem document for every refusal. */
export interface Answers {
  readonly json: (status: number, body: unknown, headers?: Record<string, string>) => Response;
  readonly refuse: (told: Problem, headers?: Record<string, string>) => Response;
  /** A representation with its validator: 304 when the client has it already (RFC 9110 §13.1.2). */
  readonly conditional: (
    request: Request,
    etag: string,
    headers: Record<string, string>,
    body: () => object | string | undefined,
  ) => Response;
  /** A body as JSON, a text as it is, or none. */
  readonly reply: (status: number, body: object | string | undefined, headers: Record<string, string>) => Response;
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

export function answersOn(clock: Clock, refusing?: Refusing): Answers {
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
  const reply: Answers['reply'] = (status, body, headers) => {
    if (body === undefined) return empty(status, headers);
    return typeof body === 'string'
      ? new Response(body, { status, headers: { date: dateNow(), ...headers } })
      : json(status, body, headers);
  };
  const refuse: Answers['refuse'] = (told, headers) => {
    const { type, body, headers: more } = refusing?.(told) ?? { type: 'application/problem+json', body: told };
    return send(told.status, type, `${JSON.stringify(body)}\n`, { ...headers, ...more });
  };
  const conditional: Answers['conditional'] = (request, etag, headers, body) => {
    const fields = { etag, 'cache-control': 'no-cache', ...headers };
    const known = request.headers.get('if-none-match');
    return known !== null && lists(known, etag) ? empty(304, fields) : reply(200, body(), fields);
  };
  return { json, refuse, conditional, reply, send, empty };
}

/** Whether If-None-Match lists the tag; compared weakly (RFC 9110 §8.8.3.2). */
function lists(field: string, etag: string): boolean {
  return field.split(',').some((item) => item.trim() === '*' || item.trim().replace(/^W\//, '') === etag);
}
