import { faultyFetch } from '../../../src/inject/index.ts';
import { before, type InjectorWorld } from './world.ts';

/** In process: any `fetch`. */
export const world: InjectorWorld = {
  name: 'fetch',
  start: (plan) =>
    before(
      () => faultyFetch({ plan }),
      ({ fetch }, url) => ({ url, fetch }),
    ),
};
