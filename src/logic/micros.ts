import type { Millis } from '../time/index.ts';

/** A difference of two moments to the microsecond, as the trace keeps them: without the noise of floating point. */
export function micros(ms: Millis): Millis {
  return Math.round(ms * 1000) / 1000;
}
