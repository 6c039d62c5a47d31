import type { Millis, Duration } from '../time/duration.ts';
import type { PaceOption } from '../time/pace.ts';

export interface WatchOptions {
  /** How long to wait for a decision; 4 s by default. A claim of stability brings its own length and ignores this. */
  readonly within?: Duration | undefined;
  /** When to look again; by default what suits the source. A pace given here overrules the server's wish (Retry-After). */
  readonly pace?: PaceOption | undefined;
  /** Ends the watch at once, undecided. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each look with the milliseconds since the one before (0 at first): an edge moves its fake timers on. */
  readonly beforeLook?: ((sinceLast: Millis) => void) | undefined;
  /** The judgement is not written into the recording: it answers another question than the one that the recording is about. */
  readonly unrecorded?: boolean | undefined;
}
