/**
 * Systematic exploration: every fault at every exchange, and then in pairs, with counts that add up.
 *
 * @module
 */
export {
  explore,
  MAX_EXPLORED_RUNS,
  MAX_VISITS,
  USUAL_FAULTS,
  type Exploration,
  type ExplorationFinding,
  type ExploreOptions,
  type Harmed,
  type Point,
  type Tally,
} from './explore.ts';
export { describeExploration, replayOf } from './words.ts';
