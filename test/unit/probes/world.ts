import type { Fetch } from '../../../src/probes/index.ts';
import type { Millis, VirtualClock } from '../../../src/time/index.ts';

/** What a server in these tests answers to one request. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Record<string, string> | [string, string][];
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, with no media type of its own. */
  readonly body?: ConstructorParameters<typeof Response>[0];
  /** How long it takes, in milliseconds; 1 by default. */
  readonly after?: Millis;
  /** It never answers, not even when it is aborted. */
  readonly hangs?: boolean;
  readonly fails?: Error;
}

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
  readonly at: Millis;
  readonly signal: AbortSignal | null | undefined;
}

export interface Server {
  readonly fetch: Fetch;
  readonly seen: readonly Seen[];
  /** What was asked, as `GET http://api.test/op`. */
  readonly asked: () => string[];
}

/** A server in this process, whose every answer takes time on a virtual clock; `nth` counts the requests to the same URL. */
export function serverOf(clock: VirtualClock, answer: (asked: Seen, nth: number) => Reply): Server {
  const seen: Seen[] = [];
  return {
    seen,
    asked: () => seen.map(({ method, url }) => `${method} ${url}`),
    async fetch(url, init) {
      const { method = 'GET', body, signal } = init;
      const nth = seen.filter((earlier) => earlier.url === url && earlier.method === method).length;
      const asked: Seen = { method, url, headers: new Headers(init.headers), body, at: clock.now(), signal };
      seen.push(asked);
      const reply = answer(asked, nth);
      if (reply.hangs === true) return new Promise(() => undefined);
      await clock.sleep(reply.after ?? 1, signal ?? undefined);
      if (signal?.aborted === true) throw new DOMException('This operation was aborted', 'AbortError');
      if (reply.fails !== undefined) throw reply.fails;
      return responseOf(reply);
    },
  };
}

export function responseOf({ status = 200, headers = {}, json, body }: Reply): Response {
  const all = new Headers(headers);
  if (json !== undefined && !all.has('content-type')) all.set('content-type', 'application/json');
  return new Response(json === undefined ? (body ?? null) : JSON.stringify(json), { status, headers: all });
}

/** A connection that failed, as undici tells it. */
export function lost(code: string, message: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
}
