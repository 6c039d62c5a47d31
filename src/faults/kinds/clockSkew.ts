import { defineFault, type FaultFactory, type SignedDuration } from '../fault.ts';

export interface ClockSkewArgs {
  readonly by: SignedDuration;
}

/**
 * Whoever answers has a clock that is wrong: the `Date` field, and dates that are reckoned from it, are off by so much.
 *
 * @example
 * ```ts
 * import { clockSkew } from 'holdfast/faults';
 * clockSkew({ by: '-5m' }).args; // => { by: -300000 }
 * ```
 */
export const clockSkew: FaultFactory<ClockSkewArgs> = defineFault<ClockSkewArgs>({
  name: 'clockSkew',
  of: 'exchange',
  says: ({ by }) => `its server's clock is ${Math.abs(by)} ms ${by < 0 ? 'behind' : 'ahead'}`,
  parameters: { by: { type: 'signed-duration', says: 'how far the clock is ahead; below zero, behind' } },
  does: ['skew'],
  actions: ({ by }) => [{ do: 'skew', ms: by }],
  milder: ({ by }) => [{ by: Math.round(by / 10) }, { by: Math.round(by / 2) }],
  samples: [{ by: 60_000 }, { by: -60_000 }],
});
