import { defineFault, type FaultFactory } from '../fault.ts';

/**
 * The monitor tells its first answer for ever, while the work goes on. Give `until`, or it never tells the end.
 *
 * @example
 * ```ts
 * import { stuckMonitor } from 'holdfast/faults';
 * stuckMonitor({ where: 'GET /operations/*', until: '5s' }).args; // => {}
 * ```
 */
export const stuckMonitor: FaultFactory<object> = defineFault<object>({
  name: 'stuckMonitor',
  of: 'exchange',
  says: () => 'it tells what it told first',
  parameters: {},
  does: ['recall'],
  actions: () => [{ do: 'recall', which: 'first' }],
  samples: [{}],
});
