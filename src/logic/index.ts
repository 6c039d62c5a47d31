export type { Claim, ClaimContext, Closing, Coverage, DecidedBy, Judge, Judgement, Reason, Verdict } from './claim.ts';
export * from './claims/index.ts';
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
export { catalogue, claimFrom, rejudge } from './rejudge.ts';
export type { KnownReason } from './reasons.ts';
