import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface TruncateArgs {
  readonly bytes: number;
  readonly side: Side;
}

/**
 * The connection breaks in mid-body, after so many bytes.
 *
 * @example
 * ```ts
 * import { truncate } from 'holdfast/faults';
 * truncate({ bytes: 10, where: 'GET /reports/*' }).args; // => { bytes: 10, side: 'response' }
 * ```
 */
export const truncate: FaultFactory<TruncateArgs> = defineFault<TruncateArgs>({
  name: 'truncate',
  of: 'stream',
  says: ({ bytes, side }) => `its ${side} breaks off after ${bytes} bytes`,
  parameters: {
    bytes: { type: 'bytes', otherwise: 1, says: 'how many bytes of the body pass' },
    side: SIDE_OF_ANSWERS,
  },
  does: ['cut'],
  actions: ({ bytes, side }) => [{ do: 'cut', side, bytes, by: 'reset' }],
  samples: [{ bytes: 1, side: 'response' }],
});
