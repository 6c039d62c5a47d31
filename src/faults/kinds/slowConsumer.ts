import { defineFault, type FaultFactory } from '../fault.ts';

export interface SlowConsumerArgs {
  readonly bytesPerSecond: number;
}

/**
 * The client reads so many bytes a second, so that its answer dams up in the server.
 *
 * @example
 * ```ts
 * import { slowConsumer } from 'holdfast/faults';
 * slowConsumer({ bytesPerSecond: 100, where: 'GET /feed' }).args; // => { bytesPerSecond: 100 }
 * ```
 */
export const slowConsumer: FaultFactory<SlowConsumerArgs> = defineFault<SlowConsumerArgs>({
  name: 'slowConsumer',
  of: 'stream',
  says: ({ bytesPerSecond }) => `its client reads ${bytesPerSecond} bytes a second`,
  parameters: { bytesPerSecond: { type: 'bytes', least: 1, says: 'how many bytes the client reads in a second' } },
  does: ['throttle'],
  actions: ({ bytesPerSecond }) => [{ do: 'throttle', side: 'response', bytesPerSecond }],
  milder: ({ bytesPerSecond }) => [{ bytesPerSecond: bytesPerSecond * 100 }, { bytesPerSecond: bytesPerSecond * 10 }],
  samples: [{ bytesPerSecond: 64 }],
});
