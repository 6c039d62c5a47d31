import { defineFault, type FaultFactory } from '../fault.ts';

export interface LostResponseArgs {
  readonly as: 'reset' | 'silence';
}

/**
 * The work was done, and its answer never came: the client's connection is reset in its place, or stays open and silent. Whoever
 * sends again without a key does it twice.
 *
 * @example
 * ```ts
 * import { lostResponse } from 'holdfast/faults';
 * lostResponse({ where: 'POST /orders', nth: 0 }).args; // => { as: 'reset' }
 * ```
 */
export const lostResponse: FaultFactory<LostResponseArgs> = defineFault<LostResponseArgs>({
  name: 'lostResponse',
  of: 'exchange',
  says: ({ as }) => `its work is done and its answer is lost${as === 'silence' ? ', in silence' : ''}`,
  parameters: {
    as: { type: 'choice', choices: ['reset', 'silence'], otherwise: 'reset', says: 'what the client sees instead of the answer' },
  },
  does: ['reset', 'drop'],
  actions: ({ as }) => [as === 'reset' ? { do: 'reset', side: 'response' } : { do: 'drop', side: 'response' }],
  samples: [{ as: 'reset' }, { as: 'silence' }],
});
