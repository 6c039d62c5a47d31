/**
 * The core: start an operation, watch it, and judge what was seen. No optional peer is imported here.
 *
 * @module
 */
export { operation, type OperationOptions, type Start, type StartDescription } from './dialects/operation.ts';
export { ContractViolation, HarnessError, type Issue } from './errors.ts';
export type { WatchOptions } from './watch/options.ts';
export { closeSubject, openSources, watch } from './watch/watch.ts';
export { stopTrying, tryAgainAfter } from './watch/signals.ts';
export { subject, type Acceptance, type Operation, type Subject } from './watch/subject.ts';
export type { LookContext, Looked, OpenContext, Pull, Push, Source } from './watch/index.ts';
// The file alone, not the whole catalogue of claims.
export { check } from './logic/check.ts';
export type { Claim, Closing, Coverage, DecidedBy, Judge, Judgement, Reason, Verdict } from './logic/index.ts';
export { defineLifecycle, standardLifecycle, type Lifecycle } from './trace/lifecycle.ts';
export type { Ending, Event, Observation, Trace } from './trace/index.ts';
export type { Clock, Duration, EpochMillis, Millis, Pace, PaceOption } from './time/index.ts';
