import { defineFault, type FaultFactory } from '../fault.ts';

/**
 * The handshake of TLS fails.
 *
 * @example
 * ```ts
 * import { tlsFailure } from 'holdfast/faults';
 * tlsFailure({ where: 'https://pay.example/**' }).args; // => {}
 * ```
 */
export const tlsFailure: FaultFactory<object> = defineFault<object>({
  name: 'tlsFailure',
  of: 'exchange',
  says: () => 'its TLS handshake fails',
  parameters: {},
  does: ['refuse'],
  actions: () => [{ do: 'refuse', as: 'tls' }],
  samples: [{}],
});
