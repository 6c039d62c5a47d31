import { expect } from 'vitest';
import { HarnessError } from '../../../src/errors.ts';
import type { Answer, Fetch } from '../../../src/probes/exchange.ts';
import type { StateWords } from '../../../src/trace/index.ts';

export const NO_WORDS: StateWords = { states: {}, field: undefined };

export interface Told {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** An object is the body as JSON, a text is a body that is none. */
  readonly body?: unknown;
  readonly method?: string;
  readonly url?: string;
}

/** An answer as it is after it was read. */
export function answer({
  status = 200,
  headers = {},
  body,
  method = 'POST',
  url = 'http://api.test/reports',
}: Told = {}): Answer {
  const json = typeof body === 'string' ? undefined : body;
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  return { method, url, status, statusText: '', headers: new Headers(headers), text, json };
}

/** The error of the caller's side that `act` ends with. */
export function refusal(act: () => unknown): HarnessError {
  try {
    act();
  } catch (error) {
    if (error instanceof HarnessError) return error;
    throw error;
  }
  return expect.unreachable('nothing was refused');
}

/** One answer of a scripted `fetch`: a Response, a way to make one, or what it throws. */
export type Line = Response | Error | ((url: string, init: RequestInit) => Response | Promise<Response>);

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** A `fetch` that answers line by line, and what it was sent. */
export function scripted(...lines: readonly Line[]): { readonly fetch: Fetch; readonly sent: readonly Sent[] } {
  const sent: Sent[] = [];
  const fetch: Fetch = async (url, init) => {
    const line = lines[sent.length];
    sent.push({ method: init.method ?? 'GET', url, headers: new Headers(init.headers), body: init.body });
    if (line === undefined) throw new Error(`no line for request ${sent.length}: ${url}`);
    if (line instanceof Error) throw line;
    return typeof line === 'function' ? line(url, init) : line;
  };
  return { fetch, sent };
}

/** How `fetch` of Node fails when there is no connection. */
export function noConnection(code: string, message = code): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
}
