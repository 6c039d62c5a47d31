/**
 * The core: start an operation, watch it, and judge what was seen. No optional peer is imported here.
 *
 * @module
 */
export { operation, type OperationOptions, type Start, type StartDescription } from './dialects/operation.ts';
export { ContractViolation, HarnessError, type Issue } from './errors.ts';
export {
  closeSubject,
  openSources,
  stopTrying,
  subject,
  tryAgainAfter,
  watch,
  type Acceptance,
  type LookContext,
  type Looked,
  type OpenContext,
  type Operation,
  type Pull,
  type Push,
  type Source,
  type Subject,
  type WatchOptions,
} from './watch/index.ts';
// The file alone, not the whole catalogue of claims.
export { check } from './logic/check.ts';
export type { Claim, Closing, Coverage, DecidedBy, Judge, Judgement, Reason, Verdict } from './logic/index.ts';
export {
  defineLifecycle,
  standardLifecycle,
  type Ending,
  type Event,
  type Lifecycle,
  type Observation,
  type Trace,
} from './trace/index.ts';
export type { Clock, Duration, EpochMillis, Millis, Pace, PaceOption } from './time/index.ts';
