import { OVERTAKEN, type OvertakenArgs } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export type ReorderDeliveriesArgs = OvertakenArgs;

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
  ...OVERTAKEN,
});
