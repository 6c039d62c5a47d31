import type { Duration } from '../../time/index.ts';
import type { Side } from '../action.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface BlackHoleArgs {
  readonly closeAfter: Duration;
  readonly side: Side;
}

/**
 * It is swallowed and nothing comes back, on a connection that stays open; after `closeAfter`, if that is more than 0, the
 * connection is closed. Toxiproxy's `timeout`. Of a `response` the work was done.
 *
 * @example
 * ```ts
 * import { blackHole } from 'holdfast/faults';
 * blackHole({ where: 'POST /orders', nth: 0 }).args; // => { closeAfter: 0, side: 'request' }
 * ```
 */
export const blackHole: FaultFactory<BlackHoleArgs> = defineFault<BlackHoleArgs>({
  name: 'blackHole',
  of: 'exchange',
  says: ({ side }) => `its ${side} is swallowed`,
  parameters: {
    closeAfter: { type: 'duration', otherwise: 0, says: 'when the connection is closed at last; never, where it is 0' },
    side: {
      type: 'choice',
      choices: ['request', 'response'],
      otherwise: 'request',
      says: 'which way: to the server, or back',
    },
  },
  does: ['drop', 'reset'],
  actions: ({ closeAfter, side }) =>
    closeAfter === 0
      ? [{ do: 'drop', side }]
      : [
          { do: 'drop', side },
          { do: 'reset', side, ms: closeAfter },
        ],
  samples: [
    { closeAfter: 0, side: 'request' },
    { closeAfter: 200, side: 'response' },
  ],
});
