/**
 * Faults as data: what is done (one file each in `kinds`), the plan that says where and when, and finding the smallest that matters.
 * Nothing here harms anything: injectors do.
 *
 * @module
 */
export type { Action, Deed, PassingAction, Side, WorldAction } from './action.ts';
export {
  defineFault,
  exampleOf,
  type Aim,
  type Entry,
  type FaultDefinition,
  type FaultFactory,
  type Read,
  type SignedDuration,
  type When,
} from './fault.ts';
export { type Parameter } from './parameter.ts';
export {
  deedsOf,
  definitionOf,
  FAULTS,
  MAX_ENTRIES,
  parsePlan,
  plan,
  planFrom,
  type Parsed,
  type Plan,
  type PlanOptions,
} from './plan.ts';
export { begin, MAX_STRIKES, pinned, waitsForOne, type Due, type Harm, type Run, type Strike, type Struck } from './run.ts';
export { CONFIRMATIONS, MAX_RUNS, shrink, type Outcome, type Shrunk } from './shrink.ts';
export { ANYWHERE, readWhere, saysWhere, type Passing, type Where, type WhereParts } from './where.ts';
export * from './kinds/index.ts';
export type { Exported, Lost } from './export/lost.ts';
export { toChaosMesh, type ChaosMeshDocument, type ChaosMeshPlace } from './export/toChaosMesh.ts';
export { toIstio, type IstioDocument, type IstioPlace } from './export/toIstio.ts';
export { toToxiproxy, type ToxiproxyDocument, type ToxiproxyPlace } from './export/toToxiproxy.ts';
