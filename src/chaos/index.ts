/**
 * Chaos scenarios: a plan of faults with a hypothesis about what is steady before, during and after, and a bound on recovery.
 *
 * @module
 */
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
  runScenario,
  type Between,
  type ChaosResult,
  type Phase,
  type RunOptions,
  type Stage,
  type SteadyAnswer,
  type Watched,
} from './run.ts';
