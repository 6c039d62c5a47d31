/**
 * Chaos scenarios: a plan of faults with a hypothesis about what is steady before, during and after, and a bound on recovery.
 *
 * @module
 */
export { scenario, type ScenarioDocument, type ScenarioTestOptions } from './asserting.ts';
export {
  campaign,
  MAX_RUNS_ASKED,
  SHRINK_WITHIN_MS,
  type Campaign,
  type CampaignOptions,
  type Counterexample,
  type Runner,
} from './campaign.ts';
export {
  parseScenario,
  readScenario,
  type ParsedScenario,
  type Scenario,
  type ScenarioOptions,
  type Steady,
  type Traffic,
} from './scenario.ts';
export {
  failuresOf,
  runScenario,
  type Between,
  type ChaosResult,
  type Phase,
  type RunOptions,
  type Stage,
  type SteadyAnswer,
  type Watched,
} from './run.ts';
export { socketStage } from './sockets.ts';
export { campaignJson, CHAOS_RULES, describeCampaign, replayCommand, suiteOf, type Replay } from './words.ts';
