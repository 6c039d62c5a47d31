import type { Duration, Millis, Random } from '../../time/index.ts';
import type { Side } from '../action.ts';
import { SIDE_OF_ANSWERS } from '../alike.ts';
import { defineFault, type FaultFactory, type Read } from '../fault.ts';

export interface LatencyArgs {
  readonly ms: Duration;
  readonly jitter: Duration;
  readonly distribution: 'uniform' | 'normal' | 'lognormal' | 'pareto';
  readonly side: Side;
}

/** The longest that is waited, in multiples of `ms` and `jitter`: the tail of a distribution has no end. */
const LONGEST = 20;

/**
 * It comes late: by `ms`, give or take what is drawn of `jitter`.
 *
 * `uniform` is as likely anywhere within ± jitter (as Toxiproxy has it); `normal` has jitter for its standard deviation; `lognormal`
 * and `pareto` have `ms` for the median and a long tail, as networks do (netem has both).
 *
 * @example
 * ```ts
 * import { latency } from 'holdfast/faults';
 * latency({ ms: '1.5s', distribution: 'pareto', where: 'GET /operations/*' }).args.ms; // => 1500
 * ```
 */
export const latency: FaultFactory<LatencyArgs> = defineFault<LatencyArgs>({
  name: 'latency',
  of: 'exchange',
  says: ({ ms, jitter, side }) => `its ${side} comes ${ms} ms late${jitter === 0 ? '' : `, give or take ${jitter}`}`,
  parameters: {
    ms: { type: 'duration', says: 'how late it comes, in the middle' },
    jitter: { type: 'duration', otherwise: 0, says: 'how far it strays from that' },
    distribution: {
      type: 'choice',
      choices: ['uniform', 'normal', 'lognormal', 'pareto'],
      otherwise: 'uniform',
      says: 'how what is strayed is spread',
    },
    side: SIDE_OF_ANSWERS,
  },
  does: ['delay'],
  actions: (args, draw) => [{ do: 'delay', side: args.side, ms: drawn(args, draw) }],
  milder: ({ ms, ...rest }) => [
    { ...rest, jitter: 0, ms: Math.round(ms / 10) },
    { ...rest, jitter: 0, ms: Math.round(ms / 2) },
    { ...rest, jitter: 0, ms },
  ],
  samples: [
    { ms: 300, jitter: 100, distribution: 'uniform', side: 'response' },
    { ms: 50, jitter: 20, distribution: 'normal', side: 'request' },
    { ms: 50, jitter: 20, distribution: 'lognormal', side: 'request' },
    { ms: 50, jitter: 20, distribution: 'pareto', side: 'response' },
  ],
});

function drawn({ ms, jitter, distribution }: Read<LatencyArgs>, draw: Random): Millis {
  if (jitter === 0) return ms;
  const most = LONGEST * (ms + jitter);
  switch (distribution) {
    case 'uniform':
      return Math.max(0, ms + jitter * (2 * draw.next() - 1));
    case 'normal':
      return Math.min(most, Math.max(0, ms + jitter * normal(draw)));
    case 'lognormal':
      return Math.min(most, ms * Math.exp((jitter / Math.max(ms, jitter)) * normal(draw)));
    case 'pareto': {
      // With the median at ms: the heavier the tail, the larger jitter is beside it.
      const shape = Math.max(1.1, ms / jitter + 1);
      return Math.min(most, (ms / 2 ** (1 / shape)) * (1 - draw.next()) ** (-1 / shape));
    }
  }
}

/** A standard normal number, by Box and Muller (1958). */
function normal(draw: Random): number {
  return Math.sqrt(-2 * Math.log(1 - draw.next())) * Math.cos(2 * Math.PI * draw.next());
}
