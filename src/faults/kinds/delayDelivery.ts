import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface DelayDeliveryArgs {
  readonly ms: Duration;
}

/**
 * A message or a webhook comes late.
 *
 * @example
 * ```ts
 * import { delayDelivery } from 'holdfast/faults';
 * delayDelivery({ ms: '2s', where: 'order.paid' }).args; // => { ms: 2000 }
 * ```
 */
export const delayDelivery: FaultFactory<DelayDeliveryArgs> = defineFault<DelayDeliveryArgs>({
  name: 'delayDelivery',
  of: 'delivery',
  says: ({ ms }) => `it comes ${ms} ms late`,
  parameters: { ms: { type: 'duration', says: 'how late' } },
  does: ['delay'],
  actions: ({ ms }) => [{ do: 'delay', side: 'request', ms }],
  milder: ({ ms }) => [{ ms: Math.round(ms / 10) }, { ms: Math.round(ms / 2) }],
  samples: [{ ms: 500 }],
});
