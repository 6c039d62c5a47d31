import { defineFault, type FaultFactory } from '../fault.ts';

export interface RestartArgs {
  readonly target: string;
}

/**
 * A process is stopped in order and started again.
 *
 * @example
 * ```ts
 * import { restart } from 'holdfast/faults';
 * restart({ target: 'worker', from: '1s' }).args; // => { target: 'worker' }
 * ```
 */
export const restart: FaultFactory<RestartArgs> = defineFault<RestartArgs>({
  name: 'restart',
  of: 'world',
  says: ({ target }) => `${target} is started anew`,
  parameters: { target: { type: 'text', says: 'the name that the injector knows it by' } },
  does: ['restart'],
  actions: ({ target }) => [{ do: 'restart', target }],
  undo: () => [],
  samples: [{ target: 'worker' }],
});
