import { defineFault, type FaultFactory } from '../fault.ts';

export interface PartitionArgs {
  readonly target: string;
  readonly way: 'both' | 'in' | 'out';
}

/**
 * A process cannot be reached, or reach others, though it runs: both ways, or one way alone.
 *
 * @example
 * ```ts
 * import { partition } from 'holdfast/faults';
 * partition({ target: 'redis', from: '1s', until: '3s' }).args; // => { target: 'redis', way: 'both' }
 * ```
 */
export const partition: FaultFactory<PartitionArgs> = defineFault<PartitionArgs>({
  name: 'partition',
  of: 'world',
  says: ({ target, way }) =>
    `${target} is cut off${way === 'both' ? '' : way === 'in' ? ' from what comes to it' : ' from what it sends to'}`,
  parameters: {
    target: { type: 'text', says: 'the name that the injector knows it by' },
    way: {
      type: 'choice',
      choices: ['both', 'in', 'out'],
      otherwise: 'both',
      says: 'what does not pass: to it (in), from it (out), or both',
    },
  },
  does: ['partition', 'heal'],
  actions: ({ target, way }) => [{ do: 'partition', target, way }],
  undo: ({ target, way }) => [{ do: 'heal', target, way }],
  samples: [
    { target: 'redis', way: 'both' },
    { target: 'redis', way: 'in' },
  ],
});
