export { message, violation } from './message.ts';
export { junit } from './junit.ts';
export {
  sarif,
  type SarifDriver,
  type SarifInvocation,
  type SarifLog,
  type SarifResult,
  type SarifRules,
  type SarifRun,
} from './sarif.ts';
export type { Case, Suite } from './suite.ts';
export { renderSvg, type Drawn } from './svg.ts';
export type { Past, Told } from './scene.ts';
export { escapeText, renderText, type TextOptions } from './text.ts';
export {
  inForce,
  MAX_ERRORS,
  MAX_SEGMENTS,
  timeline,
  type ErrorGroup,
  type FaultSpan,
  type Lane,
  type Mark,
  type Segment,
  type Timeline,
  type TimelineOptions,
} from './timeline.ts';
