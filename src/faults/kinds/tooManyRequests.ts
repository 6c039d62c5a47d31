import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface TooManyRequestsArgs {
  readonly retryAfter: Duration;
}

/**
 * It is answered 429 with `Retry-After` (RFC 6585 §4) in the server's stead.
 *
 * @example
 * ```ts
 * import { tooManyRequests } from 'holdfast/faults';
 * tooManyRequests({ retryAfter: '2s', where: 'GET /operations/*', nth: 0 }).args; // => { retryAfter: 2000 }
 * ```
 */
export const tooManyRequests: FaultFactory<TooManyRequestsArgs> = defineFault<TooManyRequestsArgs>({
  name: 'tooManyRequests',
  of: 'exchange',
  says: ({ retryAfter }) => `it is answered 429: again after ${Math.ceil(retryAfter / 1000)} s`,
  parameters: {
    retryAfter: { type: 'duration', otherwise: 1000, says: 'how long the client is asked to wait; told in whole seconds' },
  },
  does: ['respond'],
  actions: ({ retryAfter }) => [
    {
      do: 'respond',
      status: 429,
      headers: [
        ['content-type', 'application/problem+json'],
        ['retry-after', String(Math.ceil(retryAfter / 1000))],
      ],
      body: '{"title":"Too Many Requests","status":429}',
    },
  ],
  samples: [{ retryAfter: 1000 }],
});
