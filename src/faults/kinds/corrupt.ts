import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface CorruptArgs {
  readonly oneIn: number;
  readonly side: Side;
}

/**
 * Bits of the body are turned over on the way: of one byte in so many, on average.
 *
 * @example
 * ```ts
 * import { corrupt } from 'holdfast/faults';
 * corrupt({ oneIn: 20, where: 'GET /reports/*' }).args; // => { oneIn: 20, side: 'response' }
 * ```
 */
export const corrupt: FaultFactory<CorruptArgs> = defineFault<CorruptArgs>({
  name: 'corrupt',
  of: 'stream',
  says: ({ side }) => `bits of its ${side} are turned over`,
  parameters: {
    oneIn: { type: 'count', least: 1, otherwise: 100, says: 'one byte in how many is changed' },
    side: SIDE_OF_ANSWERS,
  },
  does: ['corrupt'],
  actions: ({ oneIn, side }, draw) => [{ do: 'corrupt', side, oneIn, seed: draw.hex(8) }],
  milder: ({ oneIn, side }) => [{ oneIn: oneIn * 10, side }],
  samples: [
    { oneIn: 1, side: 'response' },
    { oneIn: 50, side: 'request' },
  ],
});
