import { problem } from './problem.ts';
import type { Clock, Millis } from '../time/index.ts';
import type { Parts } from './parts.ts';
import type { Db } from './db.ts';
import type { Answers } from './answers.ts';
import type { Naming } from './store.ts';
import type { Tracing } from './tracing.ts';
import type { Naps, Worker } from './worker.ts';

/** Who asks: a user with a valid token. */
export interface Caller {
  readonly user: string;
}

/** What is known of a request beside itself. */
export interface Asked {
  readonly url: URL;
  /** The part of the path behind the second slash. */
  readonly id: string;
  /** Aborts when the client hangs up. */
  readonly signal: AbortSignal;
  /** Undefined for one who sent no token. */
  readonly caller: Caller | undefined;
}

export type Answer = (request: Request, asked: Asked) => Promise<Response>;
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Route = Readonly<Partial<Record<Method, Answer>>>;

/** Routes by path: `/reports` for the collection, `/reports/` for its members. */
export type Routes = Readonly<Record<string, Route>>;

/** What the routes work with. */
export interface World {
  readonly clock: Clock;
  readonly parts: Parts;
  readonly db: Db;
  readonly answers: Answers;
  readonly worker: Worker;
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
