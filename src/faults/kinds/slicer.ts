import type { Duration } from '../../time/index.ts';
import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface SlicerArgs {
  readonly size: number;
  readonly variation: number;
  readonly gap: Duration;
  readonly side: Side;
}

/**
 * It comes in small pieces. Toxiproxy's `slicer`: `size`, `variation` (each piece is `size` ± so much) and `gap`, which Toxiproxy counts
 * in microseconds.
 *
 * @example
 * ```ts
 * import { slicer } from 'holdfast/faults';
 * slicer({ size: 5, where: 'GET /feed' }).args; // => { size: 5, variation: 0, gap: 0, side: 'response' }
 * ```
 */
export const slicer: FaultFactory<SlicerArgs> = defineFault<SlicerArgs>({
  name: 'slicer',
  of: 'stream',
  says: ({ size, side }) => `its ${side} comes in pieces of ${size} bytes`,
  parameters: {
    size: { type: 'bytes', least: 1, otherwise: 1, says: 'how many bytes a piece has' },
    variation: { type: 'bytes', otherwise: 0, says: 'by how many bytes pieces differ' },
    gap: { type: 'duration', otherwise: 0, says: 'how long a piece comes after the one before' },
    side: SIDE_OF_ANSWERS,
  },
  does: ['slice'],
  actions: ({ size, variation, gap, side }) => [{ do: 'slice', side, bytes: size, variation, ms: gap }],
  milder: ({ size, variation, side }) => [{ size, variation, gap: 0, side }],
  samples: [{ size: 3, variation: 2, gap: 1, side: 'response' }],
});
