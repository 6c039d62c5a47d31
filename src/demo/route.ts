import { problem } from './problem.ts';
import type { Clock, EpochMillis, Millis } from '../time/index.ts';
import type { Parts } from './parts.ts';
import type { Db } from './db.ts';
import type { Answers } from './answers.ts';
import type { Dialect } from './dialects/dialect.ts';
import type { Feed } from './feed.ts';
import type { Naming } from './store.ts';
import type { Tracing } from './tracing.ts';
import type { Naps, Worker } from './worker.ts';

/** Who asks: a user with a valid token. */
export interface Caller {
  readonly user: string;
  /** When the token is over. */
  readonly until?: EpochMillis;
}

/** What is known of a request beside itself. */
export interface Asked {
  readonly url: URL;
  /** The part of the path that names one of many. */
  readonly id: string;
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal;
  /** Undefined for one who sent no token. */
  readonly caller: Caller | undefined;
}

export type Answer = (request: Request, asked: Asked) => Promise<Response>;
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Route = Readonly<Partial<Record<Method, Answer>>>;

/** Routes by path: `/reports` for the collection, `/reports/` for its members, `/jobs/{id}/results` for what each of them has. */
export type Routes = Readonly<Record<string, Route>>;

/** A route, and what of the path is not said by it. */
export interface Found {
  readonly route: Route;
  /** The ids in the path, with a slash between; empty where there is none. */
  readonly id: string;
  /** The path with a name for each id, such as `/reports/{id}`. */
  readonly template: string;
}

/**
 * What finds the route of a path. Routes are named by path: `/reports` the collection, `/reports/` or `/reports/{id}` one of it,
 * `/reports/{id}/lines` what belongs to that. What a route says outright goes before what an id would fit.
 */
export function router(routes: Routes): (pathname: string) => Found | undefined {
  const exact = new Map<string, Found>();
  const open = new Map<number, { readonly parts: readonly string[]; readonly found: Found }[]>();
  for (const [path, route] of Object.entries(routes)) {
    const template = path !== '/' && path.endsWith('/') ? `${path}{id}` : path;
    const parts = template.split('/');
    const found = { route, id: '', template };
    if (!template.includes('{')) exact.set(template, found);
    else open.set(parts.length, [...(open.get(parts.length) ?? []), { parts, found }]);
  }
  return (pathname) => {
    const known = exact.get(pathname);
    if (known !== undefined) return known;
    const parts = pathname.split('/');
    const fits = open
      .get(parts.length)
      ?.find((one) => one.parts.every((part, index) => (part.startsWith('{') ? parts[index] !== '' : part === parts[index])));
    if (fits === undefined) return undefined;
    const ids = parts.filter((_part, index) => fits.parts[index]?.startsWith('{') === true);
    return { ...fits.found, id: ids.join('/') };
  };
}

/** What the routes work with. */
export interface World {
  readonly clock: Clock;
  readonly parts: Parts;
  readonly db: Db;
  readonly answers: Answers;
  /** How operations are told. */
  readonly dialect: Dialect;
  readonly worker: Worker;
  /** Tells what happens as it happens. */
  readonly feed: Feed;
  readonly tracing: Tracing;
  /** Names the nth operation. */
  readonly nameOperation: Naming;
  /** The waits of synchronous work, which the end of the server and a client that hangs up cut short. */
  readonly naps: Naps;
  /** How long a report takes unless its order says so, in milliseconds. */
  readonly work: Millis;
  /** Told of faults of the server in what it does behind its answers. */
  readonly onError: (error: unknown) => void;
  /** Whether the server is going down. */
  readonly closing: () => boolean;
  /** Aborts when the server goes down. */
  readonly leaving: AbortSignal;
}

/** What goes on beside the answers, while the server is up. */
export interface Background {
  /** Begins, with what an earlier process left. */
  start(): void;
  /** Resolves when nothing of it goes on. */
  stop(): Promise<void>;
}

/** A moment as RFC 3339 writes it. */
export function timestamp(moment: Millis): string {
  return new Date(moment).toISOString();
}

/** An answer for those who have logged in. */
export function needsCaller(
  { refuse }: Answers,
  answer: (...args: [...Parameters<Answer>, caller: Caller]) => Promise<Response>,
): Answer {
  return async (request, asked) =>
    asked.caller === undefined
      ? refuse(problem('not-logged-in', 'expected Authorization: Bearer with a token, received none'), {
          'www-authenticate': 'Bearer',
        })
      : answer(request, asked, asked.caller);
}
