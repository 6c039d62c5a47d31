import { COPIES, type CopiesArgs } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export type DuplicateDeliveryArgs = CopiesArgs;

/**
 * A message or a webhook comes again.
 *
 * @example
 * ```ts
 * import { duplicateDelivery } from 'holdfast/faults';
 * duplicateDelivery({ where: 'order.paid', nth: 0 }).args; // => { copies: 1, gap: 0 }
 * ```
 */
export const duplicateDelivery: FaultFactory<DuplicateDeliveryArgs> = defineFault<DuplicateDeliveryArgs>({
  name: 'duplicateDelivery',
  of: 'delivery',
  says: ({ copies }) => `it comes ${copies === 1 ? 'twice' : `${copies + 1} times`}`,
  ...COPIES,
});
