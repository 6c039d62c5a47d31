import type { Duration } from '../../time/index.ts';
import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface SlowCloseArgs {
  readonly ms: Duration;
  readonly side: Side;
}

/**
 * All of it comes in time, but its end is told only after so long. Toxiproxy's `slow_close`.
 *
 * @example
 * ```ts
 * import { slowClose } from 'holdfast/faults';
 * slowClose({ ms: '2s', where: 'GET /feed' }).args; // => { ms: 2000, side: 'response' }
 * ```
 */
export const slowClose: FaultFactory<SlowCloseArgs> = defineFault<SlowCloseArgs>({
  name: 'slowClose',
  of: 'stream',
  says: ({ ms, side }) => `the end of its ${side} is told ${ms} ms late`,
  parameters: {
    ms: { type: 'duration', says: 'how late the end is told' },
    side: SIDE_OF_ANSWERS,
  },
  does: ['slow-close'],
  actions: ({ ms, side }) => [{ do: 'slow-close', side, ms }],
  milder: ({ ms, side }) => [
    { ms: Math.round(ms / 10), side },
    { ms: Math.round(ms / 2), side },
  ],
  samples: [{ ms: 500, side: 'response' }],
});
