import type { Duration } from '../../time/index.ts';
import type { Side } from '../action.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface ResetArgs {
  readonly after: Duration;
  readonly side: Side;
}

/**
 * The client's connection is reset (RST): before the server has seen it (`request`), or in the place of its answer (`response`; see
 * `lostResponse`). Toxiproxy's `reset_peer`, whose `timeout` is `after`.
 *
 * @example
 * ```ts
 * import { reset } from 'holdfast/faults';
 * reset({ where: 'POST /orders', nth: 0 }).args; // => { after: 0, side: 'request' }
 * ```
 */
export const reset: FaultFactory<ResetArgs> = defineFault<ResetArgs>({
  name: 'reset',
  of: 'exchange',
  says: ({ side }) =>
    `its connection is reset ${side === 'request' ? 'before the server sees it' : 'in the place of its answer'}`,
  parameters: {
    after: { type: 'duration', otherwise: 0, says: 'how long after it came' },
    side: {
      type: 'choice',
      choices: ['request', 'response'],
      otherwise: 'request',
      says: 'which way: to the server, or back',
    },
  },
  does: ['reset'],
  actions: ({ after, side }) => [after === 0 ? { do: 'reset', side } : { do: 'reset', side, ms: after }],
  milder: ({ after, side }) => (after === 0 ? [] : [{ after: 0, side }]),
  samples: [
    { after: 0, side: 'request' },
    { after: 20, side: 'response' },
  ],
});
