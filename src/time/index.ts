export { Alarms, type Sleeper } from './alarms.ts';
export { systemClock, type Clock } from './clock.ts';
export { formatDuration, MAX_DURATION_MS, parseDuration, type Duration, type EpochMillis, type Millis } from './duration.ts';
export {
  adaptive,
  backoff,
  fixed,
  MIN_GAP_MS,
  paceFrom,
  proportional,
  type LookTiming,
  type Pace,
  type PaceOption,
} from './pace.ts';
export { freshSeed, seeded, type Random } from './random.ts';
export { LOOK_SHARE, NOT_DUE, Rounds, type Waiter } from './rounds.ts';
export { virtualClock, type VirtualClock } from './virtual-clock.ts';
