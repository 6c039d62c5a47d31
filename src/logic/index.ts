export type {
  Claim,
  ClaimContext,
  Closing,
  Coverage,
  DecidedBy,
  Judge,
  Judgement,
  Reason,
  ReasonWords,
  Tested,
  Verdict,
} from './claim.ts';
export { check } from './check.ts';
export * from './claims/index.ts';
export type { Predicate, StandardSchema } from './claims/satisfy.ts';
export type { EventOption } from './events.ts';
export {
  always,
  and,
  eventually,
  forEach,
  implies,
  is,
  leadsTo,
  matching,
  MAX_RESIDUAL_NODES,
  next,
  no,
  not,
  or,
  until,
  weakNext,
  yes,
  type Bound,
  type Formula,
  type Test,
} from './formula.ts';
export {
  defineClaim,
  judge,
  MIN_STABILITY_LOOKS,
  type ClaimDefinition,
  type ClaimFactory,
  type Course,
  type Decision,
  type Standing,
} from './judge.ts';
export type { Check, Miss, Pattern } from './pattern.ts';
export { catalogue, claimFrom, rejudge } from './rejudge.ts';
export type { KnownReason } from './reasons.ts';
