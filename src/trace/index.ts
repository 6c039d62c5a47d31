export {
  EVENT_KINDS,
  MAX_BODY_BYTES,
  type Body,
  type Ending,
  type Event,
  type EventOf,
  type Headers,
  type Observation,
  type ObservationOf,
  type Outcome,
} from './event.ts';
export { historyOf, type Call } from './history.ts';
export {
  canReach,
  checkLifecycle,
  defineLifecycle,
  isLegalMove,
  movesOf,
  standardLifecycle,
  statesOf,
  type Lifecycle,
} from './lifecycle.ts';
export { isNearer, type NearMiss } from './near-miss.ts';
export { plain } from './plain.ts';
export { isSecretHeader, REDACTED, redactHeaders, redactText, redactUrl } from './redact.ts';
export { reasonPhrase } from './status.ts';
export { endingIn, meaningIn, progressIn, stateIn, valueAt, wordIn, type StateMeanings, type StateWords } from './told.ts';
export {
  checkTrace,
  createTrace,
  MAX_BODY_CHARACTERS,
  MAX_CLAIMS,
  MAX_OBSERVATIONS,
  parseTrace,
  TRACE_VERSION,
  type BoundHit,
  type ClaimRecord,
  type Trace,
  type TraceHeader,
  type TraceOptions,
} from './trace.ts';
export { meaningOf, type Meaning } from './words.ts';
export { readHttpDate, readRetryAfter, type RetryAfter } from './retry-after.ts';
