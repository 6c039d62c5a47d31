import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface HangUpArgs {
  readonly after: Duration;
}

/**
 * The client's time-out passes and it leaves; the request goes on, and its work is done unseen.
 *
 * @example
 * ```ts
 * import { hangUp } from 'holdfast/faults';
 * hangUp({ after: '1s', where: 'POST /bookings' }).args; // => { after: 1000 }
 * ```
 */
export const hangUp: FaultFactory<HangUpArgs> = defineFault<HangUpArgs>({
  name: 'hangUp',
  of: 'exchange',
  says: ({ after }) => `its client leaves after ${after} ms, and the work goes on`,
  parameters: { after: { type: 'duration', otherwise: 0, says: 'how long the client waits before it leaves' } },
  does: ['hang-up'],
  actions: ({ after }) => [{ do: 'hang-up', ms: after }],
  samples: [{ after: 0 }, { after: 100 }],
});
