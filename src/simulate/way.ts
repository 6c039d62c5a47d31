import type { Clock } from '../time/index.ts';
import type { Transit } from './transit.ts';

/** How a world carries requests: in memory, or over real sockets on loopback. */
export type Transport = 'memory' | 'sockets';

export interface Way {
  readonly transport: Transport;
  /** Stamps the `Date` of answers, which Node would take from the machine. */
  readonly clock: Clock;
  /** Told of what is on real sockets; undefined where time is real. */
  readonly transit: Transit | undefined;
}
