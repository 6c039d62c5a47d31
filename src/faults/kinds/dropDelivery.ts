import { defineFault, type FaultFactory } from '../fault.ts';

export interface DropDeliveryArgs {
  readonly as: 'success' | 'failure';
}

/**
 * A message or a webhook is lost; its sender takes it for delivered, or where `as` is `'failure'`, not.
 *
 * @example
 * ```ts
 * import { dropDelivery } from 'holdfast/faults';
 * dropDelivery({ where: 'order.paid', nth: 0 }).args; // => { as: 'success' }
 * ```
 */
export const dropDelivery: FaultFactory<DropDeliveryArgs> = defineFault<DropDeliveryArgs>({
  name: 'dropDelivery',
  of: 'delivery',
  says: ({ as }) => `it is lost, and its sender takes it for ${as === 'success' ? 'delivered' : 'failed'}`,
  parameters: {
    as: { type: 'choice', choices: ['success', 'failure'], otherwise: 'success', says: 'what the sender takes it for' },
  },
  does: ['respond', 'reset'],
  actions: ({ as }) => [
    as === 'success' ? { do: 'respond', status: 204, headers: [], body: '' } : { do: 'reset', side: 'request' },
  ],
  samples: [{ as: 'success' }, { as: 'failure' }],
});
