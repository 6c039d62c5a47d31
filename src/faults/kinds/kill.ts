import { defineFault, type FaultFactory } from '../fault.ts';

export interface KillArgs {
  readonly target: string;
}

/**
 * A process is killed at once (SIGKILL), and started again when it is undone.
 *
 * @example
 * ```ts
 * import { kill } from 'holdfast/faults';
 * kill({ target: 'worker', from: '1s', until: '3s' }).args; // => { target: 'worker' }
 * ```
 */
export const kill: FaultFactory<KillArgs> = defineFault<KillArgs>({
  name: 'kill',
  of: 'world',
  says: ({ target }) => `${target} is killed`,
  parameters: { target: { type: 'text', says: 'the name that the injector knows it by' } },
  does: ['kill', 'start'],
  actions: ({ target }) => [{ do: 'kill', target }],
  undo: ({ target }) => [{ do: 'start', target }],
  samples: [{ target: 'worker' }],
});
