import { defineFault, type FaultFactory } from '../fault.ts';

export interface ForgeDeliveryArgs {
  readonly what: 'signature' | 'body' | 'timestamp';
}

/**
 * A webhook comes that must not be believed: its signature, body or timestamp is not what the sender signed.
 *
 * @example
 * ```ts
 * import { forgeDelivery } from 'holdfast/faults';
 * forgeDelivery({ what: 'body', nth: 0 }).args; // => { what: 'body' }
 * ```
 */
export const forgeDelivery: FaultFactory<ForgeDeliveryArgs> = defineFault<ForgeDeliveryArgs>({
  name: 'forgeDelivery',
  of: 'delivery',
  says: ({ what }) => `its ${what} is forged`,
  parameters: {
    what: { type: 'choice', choices: ['signature', 'body', 'timestamp'], otherwise: 'signature', says: 'what is forged' },
  },
  does: ['forge'],
  actions: ({ what }) => [{ do: 'forge', what }],
  samples: [{ what: 'signature' }, { what: 'body' }, { what: 'timestamp' }],
});
