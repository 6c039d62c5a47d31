import { httpProxy } from '../../../src/inject/index.ts';
import { alone, before, type InjectorWorld } from './world.ts';

/** HTTP, on loopback. */
export const world: InjectorWorld = {
  name: 'http-proxy',
  start: (plan) =>
    before(
      (to) => httpProxy({ to, plan }),
      ({ url }) => ({ url, fetch: alone }),
    ),
};
