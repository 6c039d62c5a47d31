import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface BandwidthArgs {
  readonly bytesPerSecond: number;
  readonly side: Side;
}

/**
 * No more than so many bytes a second pass; whoever sends is held back. Toxiproxy's `bandwidth` counts in thousands of bytes.
 *
 * @example
 * ```ts
 * import { bandwidth } from 'holdfast/faults';
 * bandwidth({ bytesPerSecond: 20_000, where: 'GET /reports/*' }).args; // => { bytesPerSecond: 20000, side: 'response' }
 * ```
 */
export const bandwidth: FaultFactory<BandwidthArgs> = defineFault<BandwidthArgs>({
  name: 'bandwidth',
  of: 'stream',
  says: ({ bytesPerSecond, side }) => `its ${side} passes at ${bytesPerSecond} bytes a second`,
  parameters: {
    bytesPerSecond: { type: 'bytes', least: 1, says: 'how many bytes pass in a second' },
    side: SIDE_OF_ANSWERS,
  },
  does: ['throttle'],
  actions: ({ bytesPerSecond, side }) => [{ do: 'throttle', side, bytesPerSecond }],
  milder: ({ bytesPerSecond, side }) => [
    { bytesPerSecond: bytesPerSecond * 100, side },
    { bytesPerSecond: bytesPerSecond * 10, side },
  ],
  samples: [{ bytesPerSecond: 1000, side: 'response' }],
});
