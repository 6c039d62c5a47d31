import { defineFault, type FaultFactory } from '../fault.ts';

export interface PauseArgs {
  readonly target: string;
}

/**
 * A process stands still (SIGSTOP, or a paused container) and goes on when it is undone.
 *
 * @example
 * ```ts
 * import { pause } from 'holdfast/faults';
 * pause({ target: 'worker', from: '1s', until: '3s' }).args; // => { target: 'worker' }
 * ```
 */
export const pause: FaultFactory<PauseArgs> = defineFault<PauseArgs>({
  name: 'pause',
  of: 'world',
  says: ({ target }) => `${target} stands still`,
  parameters: { target: { type: 'text', says: 'the name that the injector knows it by' } },
  does: ['pause', 'resume'],
  actions: ({ target }) => [{ do: 'pause', target }],
  undo: ({ target }) => [{ do: 'resume', target }],
  samples: [{ target: 'worker' }],
});
