export { Alarms, type Sleeper } from './alarms.ts';
export { systemClock, type Clock } from './clock.ts';
export { formatDuration, MAX_DURATION_MS, parseDuration, type Duration, type EpochMillis, type Millis } from './duration.ts';
export {
  adaptive,
  backoff,
  fixed,
  LOOK_SHARE,
  MIN_GAP_MS,
  NOT_DUE,
  paceFrom,
  proportional,
  Rounds,
  type LookTiming,
  type Pace,
  type PaceOption,
  type Waiter,
} from './pace.ts';
export { freshSeed, seeded, type Random } from './random.ts';
export { virtualClock, type VirtualClock } from './virtual-clock.ts';
