import type { Observation, ObservationOf } from '../trace/index.ts';
import { exchangeOf, isLooking } from './polls.ts';

/** What became of a start. */
export type StartEvent =
  | { readonly is: 'sent' }
  | { readonly is: 'answered'; readonly answer: ObservationOf<'response'> }
  | { readonly is: 'lost'; readonly why: string };

/**
 * The request that starts what is watched: an operation's own, whether Holdfast sent it or a function that was given; of a recorded
 * client, the first of its requests that is more than a look.
 */
export class Start {
  /** When it was sent. */
  sent: Observation | undefined;
  #exchange: string | undefined;

  step(o: Observation): StartEvent | undefined {
    switch (o.kind) {
      case 'call':
        if (o.call !== 'start' || this.sent !== undefined) return undefined;
        this.sent = o;
        // Its answer is recorded beside the call, as that of the exchange of this name.
        this.#exchange = `${o.source} start`;
        return { is: 'sent' };
      case 'request':
        if (this.sent !== undefined || (o.exchange !== 'start' && isLooking(o))) return undefined;
        this.sent = o;
        this.#exchange = exchangeOf(o);
        return { is: 'sent' };
      case 'response':
        return exchangeOf(o) === this.#exchange ? { is: 'answered', answer: o } : undefined;
      case 'no-response':
        return exchangeOf(o) === this.#exchange ? { is: 'lost', why: o.message ?? o.reason } : undefined;
      case 'return':
        return o.call === 'start' && o.outcome === 'unknown' && this.sent?.kind === 'call'
          ? { is: 'lost', why: 'the start failed' }
          : undefined;
      default:
        return undefined;
    }
  }
}
