import type { Duration } from '../../time/index.ts';
import { defineFault, type FaultFactory } from '../fault.ts';

export interface BrownOutArgs {
  readonly ms: Duration;
  readonly share: number;
}

/**
 * For a time the server is there and does not keep up: it answers late, and some of it with 503. Give `from` and `until`.
 *
 * @example
 * ```ts
 * import { brownOut } from 'holdfast/faults';
 * brownOut({ from: '1s', until: '3s' }).args; // => { ms: 500, share: 0.3 }
 * ```
 */
export const brownOut: FaultFactory<BrownOutArgs> = defineFault<BrownOutArgs>({
  name: 'brownOut',
  of: 'exchange',
  says: ({ ms, share }) => `it comes ${ms} ms late, and ${Math.round(share * 100)} % of it is 503`,
  parameters: {
    ms: { type: 'duration', otherwise: 500, says: 'how late what is answered comes' },
    share: { type: 'fraction', otherwise: 0.3, says: 'how much of it is answered 503' },
  },
  does: ['delay', 'respond'],
  actions: ({ ms, share }, draw) =>
    draw.chance(share)
      ? [
          { do: 'delay', side: 'request', ms },
          { do: 'respond', status: 503, headers: [['retry-after', '1']], body: '' },
        ]
      : [{ do: 'delay', side: 'response', ms }],
  samples: [
    { ms: 500, share: 0.3 },
    { ms: 10, share: 1 },
    { ms: 10, share: 0 },
  ],
});
