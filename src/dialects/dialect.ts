import type { Answer } from '../probes/exchange.ts';
import type { ReadingName } from './readings.ts';

/** One published way of answering "accepted" now and telling the outcome later. */
export interface Dialect {
  readonly name: string;
  /** Where it says so, for messages: `Location on a 202 (RFC 9110 §15.3.3)`. */
  readonly says: string;
  /** The address of the status monitor, as the acceptance names it; undefined where it does not speak this dialect. */
  monitor(acceptance: Answer): string | undefined;
  /** Where the monitor has moved to, as one of its own answers says. */
  moved(answer: Answer): string | undefined;
  /** The ways its monitors are read, the usual one first. */
  readonly readings: readonly ReadingName[];
  /** How it is asked to cancel. */
  readonly cancel: { readonly method: string };
}
