import { ContractViolation } from '../errors.ts';
import type { Claim, Judgement } from '../logic/index.ts';
import type { Millis } from '../time/index.ts';
import type { Trace } from '../trace/index.ts';

export function escapeText(text: string): string {
  return text;
}
export function message(told: { claim: Claim; judgement: Judgement; trace: Trace; name?: string | undefined; negated?: boolean; within?: Millis }): string {
  return `${told.name} ${told.claim.says}: ${JSON.stringify(told.judgement)}`;
}
export function violation(told: { claim: Claim; judgement: Judgement; subject: { trace: Trace; name?: string | undefined }; negated?: boolean; within?: Millis }): ContractViolation<Judgement, Trace> {
  const { judgement, subject } = told;
  return new ContractViolation(message({ ...told, trace: subject.trace, name: subject.name }), { judgement, trace: subject.trace });
}
