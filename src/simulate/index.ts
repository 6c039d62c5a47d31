/**
 * A whole world of clients and servers in virtual time, in one process, from one seed.
 *
 * @module
 */
export { simulate, type Simulated, type SimulateOptions, type World } from './simulate.ts';
export { type Handler, type NodeServer, type Site, type Start, type Up } from './process.ts';
export { type Transport } from './way.ts';
export { storyOf } from './story.ts';
