import { defineFault, type FaultFactory } from '../fault.ts';

/**
 * It is answered by what the same address answered the time before: a replica that lags, a cache that was not told.
 *
 * @example
 * ```ts
 * import { staleRead } from 'holdfast/faults';
 * staleRead({ where: 'GET /accounts/*', nth: 1 }).args; // => {}
 * ```
 */
export const staleRead: FaultFactory<object> = defineFault<object>({
  name: 'staleRead',
  of: 'exchange',
  says: () => 'it is answered by what was true before',
  parameters: {},
  does: ['recall'],
  actions: () => [{ do: 'recall', which: 'previous' }],
  samples: [{}],
});
