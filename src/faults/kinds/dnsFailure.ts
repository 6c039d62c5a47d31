import { defineFault, type FaultFactory } from '../fault.ts';

/**
 * The name of the server cannot be resolved.
 *
 * @example
 * ```ts
 * import { dnsFailure } from 'holdfast/faults';
 * dnsFailure({ where: 'https://pay.example/**' }).args; // => {}
 * ```
 */
export const dnsFailure: FaultFactory<object> = defineFault<object>({
  name: 'dnsFailure',
  of: 'exchange',
  says: () => 'the name of its server is not resolved',
  parameters: {},
  does: ['refuse'],
  actions: () => [{ do: 'refuse', as: 'dns' }],
  samples: [{}],
});
