import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface ReorderDeliveriesArgs {
  readonly by: number;
  readonly atMost: Duration;
}

/**
 * A message or a webhook is overtaken by the next.
 *
 * @example
 * ```ts
 * import { reorderDeliveries } from 'holdfast/faults';
 * reorderDeliveries({ where: 'order.*', nth: 0 }).args; // => { by: 1, atMost: 1000 }
 * ```
 */
export const reorderDeliveries: FaultFactory<ReorderDeliveriesArgs> = defineFault<ReorderDeliveriesArgs>({
  name: 'reorderDeliveries',
  of: 'delivery',
  says: ({ by }) => `it is overtaken by ${by === 1 ? 'the next' : `the next ${by}`}`,
  parameters: {
    by: { type: 'count', least: 1, otherwise: 1, says: 'how many overtake it' },
    atMost: { type: 'duration', otherwise: 1000, says: 'how long it is kept back at most' },
  },
  does: ['hold'],
  actions: ({ by, atMost }) => [{ do: 'hold', for: by, ms: atMost }],
  samples: [{ by: 1, atMost: 1000 }],
});
