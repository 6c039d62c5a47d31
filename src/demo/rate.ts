import type { Clock, Millis } from '../time/index.ts';
import { problem } from './problem.ts';
import type { Answers } from './answers.ts';

/** So many requests in so long a time, for each caller. */
export interface RateLimit {
  readonly requests: number;
  readonly window: Millis;
}

/** The window that a caller is in. */
export interface Window {
  readonly ends: Millis;
  /** How many requests came in it. */
  readonly used: number;
}

/** Fixed windows: the next begins with the first request after the end of the one before. */
export function fixedWindow(before: Window | undefined, now: Millis, length: Millis): Window {
  return before === undefined || before.ends <= now ? { ends: now + length, used: 0 } : before;
}

/** How windows follow each other, and are told. */
export interface Windows {
  readonly windowFor: (before: Window | undefined, now: Millis, length: Millis) => Window;
  readonly inSeconds: (wait: Millis) => number;
}

/**
 * Counts the requests of each caller in fixed windows, which begin with their first request. All who sent no token are one.
 *
 * @returns what `answer` gives, with the fields of draft-ietf-httpapi-ratelimit-headers-10; or 429 with Retry-After
 */
export function limiter(
  limit: RateLimit | undefined,
  clock: Clock,
  { refuse }: Answers,
  { windowFor, inSeconds }: Windows,
): (caller: string, answer: () => Promise<Response>) => Promise<Response> {
  if (limit === undefined) return (_caller, answer) => answer();
  const { requests, window } = limit;
  // A caller is a user of this server: there are never more windows than users.
  const windows = new Map<string, Window>();
  return async (caller, answer) => {
    const now = clock.now();
    const current = windowFor(windows.get(caller), now, window);
    const seconds = inSeconds(current.ends - now);
    const used = current.used + 1;
    windows.set(caller, { ...current, used });
    const fields = {
      'ratelimit-policy': `"caller";q=${requests};w=${Math.ceil(window / 1000)}`,
      ratelimit: `"caller";r=${Math.max(0, requests - used)};t=${seconds}`,
    };
    if (used > requests) {
      const detail = `expected at most ${requests} requests in ${window} ms, and this is number ${used}`;
      return refuse(problem('too-many-requests', detail), { ...fields, 'retry-after': String(seconds) });
    }
    const response = await answer();
    for (const [name, value] of Object.entries(fields)) response.headers.set(name, value);
    return response;
  };
}
