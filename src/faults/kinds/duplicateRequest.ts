import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface DuplicateRequestArgs {
  readonly copies: number;
  readonly gap: Duration;
}

/**
 * The server gets it again, as after a retry below the client's own: the client sees the first answer alone.
 *
 * @example
 * ```ts
 * import { duplicateRequest } from 'holdfast/faults';
 * duplicateRequest({ where: 'POST /orders', nth: 0 }).args; // => { copies: 1, gap: 0 }
 * ```
 */
export const duplicateRequest: FaultFactory<DuplicateRequestArgs> = defineFault<DuplicateRequestArgs>({
  name: 'duplicateRequest',
  of: 'exchange',
  says: ({ copies }) => `the server gets it ${copies === 1 ? 'twice' : `${copies + 1} times`}`,
  parameters: {
    copies: { type: 'count', least: 1, otherwise: 1, says: 'how many times more' },
    gap: { type: 'duration', otherwise: 0, says: 'how long after the one before' },
  },
  does: ['repeat'],
  actions: ({ copies, gap }) => [{ do: 'repeat', times: copies, gap }],
  milder: ({ copies, gap }) =>
    copies === 1 && gap === 0
      ? []
      : [
          { copies: 1, gap: 0 },
          { copies: 1, gap },
        ],
  samples: [
    { copies: 1, gap: 0 },
    { copies: 2, gap: 10 },
  ],
});
