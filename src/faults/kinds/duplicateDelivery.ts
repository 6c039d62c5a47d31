import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface DuplicateDeliveryArgs {
  readonly copies: number;
  readonly gap: Duration;
}

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
