import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface LimitDataArgs {
  readonly bytes: number;
  readonly side: Side;
}

/**
 * After so many bytes the connection is closed, as if that were all. Toxiproxy's `limit_data`.
 *
 * @example
 * ```ts
 * import { limitData } from 'holdfast/faults';
 * limitData({ bytes: 64, where: 'GET /reports/*' }).args; // => { bytes: 64, side: 'response' }
 * ```
 */
export const limitData: FaultFactory<LimitDataArgs> = defineFault<LimitDataArgs>({
  name: 'limitData',
  of: 'stream',
  says: ({ bytes, side }) => `its ${side} ends after ${bytes} bytes`,
  parameters: {
    bytes: { type: 'bytes', says: 'how many bytes pass' },
    side: SIDE_OF_ANSWERS,
  },
  does: ['cut'],
  actions: ({ bytes, side }) => [{ do: 'cut', side, bytes, by: 'end' }],
  samples: [
    { bytes: 0, side: 'response' },
    { bytes: 100, side: 'request' },
  ],
});
