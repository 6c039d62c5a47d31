import { OVERTAKEN, type OvertakenArgs } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export type ReorderRequestsArgs = OvertakenArgs;

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
  ...OVERTAKEN,
});
