import type { Clock, Millis } from '../time/index.ts';
import { problem } from './problem.ts';
import type { Answers } from './answers.ts';

/** So many requests in so long a time, for each caller. */
export interface RateLimit {
  readonly requests: number;
  readonly window: Millis;
}

/** The window that a caller is in. */
interface Window {
  readonly ends: Millis;
  used: number;
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
): (caller: string, answer: () => Promise<Response>) => Promise<Response> {
  if (limit === undefined) return (_caller, answer) => answer();
  const { requests, window } = limit;
  // A caller is a user of this server: there are never more windows than users.
  const windows = new Map<string, Window>();
  return async (caller, answer) => {
    const now = clock.now();
    let current = windows.get(caller);
    if (current === undefined || current.ends <= now) windows.set(caller, (current = { ends: now + window, used: 0 }));
    const seconds = Math.ceil((current.ends - now) / 1000);
    const used = ++current.used;
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
