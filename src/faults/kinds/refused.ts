import { defineFault, type FaultFactory } from '../fault.ts';

/**
 * Nobody listens: the connection is refused. Toxiproxy's `down`.
 *
 * @example
 * ```ts
 * import { refused } from 'holdfast/faults';
 * refused({ where: 'POST /orders', nth: 0 }).args; // => {}
 * ```
 */
export const refused: FaultFactory<object> = defineFault<object>({
  name: 'refused',
  of: 'exchange',
  says: () => 'its connection is refused',
  parameters: {},
  does: ['refuse'],
  actions: () => [{ do: 'refuse', as: 'refused' }],
  samples: [{}],
});
