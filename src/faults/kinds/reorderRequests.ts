import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface ReorderRequestsArgs {
  readonly by: number;
  readonly atMost: Duration;
}

/**
 * It is overtaken by the next on its route; where none comes, it goes on after `atMost`.
 *
 * @example
 * ```ts
 * import { reorderRequests } from 'holdfast/faults';
 * reorderRequests({ where: 'PUT /accounts/*', nth: 0 }).args; // => { by: 1, atMost: 1000 }
 * ```
 */
export const reorderRequests: FaultFactory<ReorderRequestsArgs> = defineFault<ReorderRequestsArgs>({
  name: 'reorderRequests',
  of: 'exchange',
  says: ({ by }) => `it is overtaken by ${by === 1 ? 'the next' : `the next ${by}`}`,
  parameters: {
    by: { type: 'count', least: 1, otherwise: 1, says: 'how many overtake it' },
    atMost: { type: 'duration', otherwise: 1000, says: 'how long it is kept back at most' },
  },
  does: ['hold'],
  actions: ({ by, atMost }) => [{ do: 'hold', for: by, ms: atMost }],
  samples: [{ by: 1, atMost: 1000 }],
});
