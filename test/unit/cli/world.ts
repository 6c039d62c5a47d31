import { vi } from 'vitest';
import { demoApp } from 'holdfast/demo';
import { run } from '../../../src/cli/main.ts';

/** How a command line ended, and what it wrote. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. */
export async function holdfast(
  argv: readonly string[],
  options: {
    readonly stdin?: string | Error;
    readonly signal?: AbortSignal;
    readonly onOut?: (text: string) => void;
  } = {},
): Promise<Ended> {
  const [out, err]: [string[], string[]] = [[], []];
  const { stdin = '', signal = new AbortController().signal } = options;
  const code = await run(argv, {
    out: (text) => {
      out.push(text);
      options.onOut?.(text);
    },
    err: (text) => void err.push(text),
    input: () => (stdin instanceof Error ? Promise.reject(stdin) : Promise.resolve(stdin)),
    signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

export type Request = { readonly url: string; readonly method: string; readonly headers: Headers; readonly body: unknown };

/** Answers what the command asks for, without a socket; returns what was asked. */
export function answering(answer: (request: Request) => Response | Promise<Response>): readonly Request[] {
  const asked: Request[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    const request = { url, method: init.method ?? 'GET', headers: new Headers(init.headers), body: init.body };
    asked.push(request);
    return answer(request);
  });
  return asked;
}

/** The demo server, without a socket. */
export function demo(dialect = 'location'): () => Promise<void> {
  const app = demoApp({ work: '20ms', retryAfter: false, dialect });
  app.start();
  vi.stubGlobal('fetch', app.fetch);
  return () => app.close();
}

export function json(body: unknown, init: ResponseInit = {}): Response {
  return new Response(JSON.stringify(body), {
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string> | undefined) },
  });
}

/** A monitor elsewhere, accepted with 202. */
export function accepted(location: string): Response {
  return new Response(null, { status: 202, headers: { location } });
}
