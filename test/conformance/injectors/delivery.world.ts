import { delivery } from '../../../src/inject/index.ts';
import { alone, before, type InjectorWorld } from './world.ts';

/** What is pushed by HTTP. */
export const world: InjectorWorld = {
  name: 'delivery',
  start: (plan) =>
    before(
      (to) => delivery({ to, plan }),
      ({ url }) => ({ url, fetch: alone }),
    ),
};
