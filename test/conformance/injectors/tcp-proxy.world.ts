import { tcpProxy } from '../../../src/inject/index.ts';
import { alone, before, type InjectorWorld } from './world.ts';

/** TCP, on loopback. */
export const world: InjectorWorld = {
  name: 'tcp-proxy',
  start: (plan) =>
    before(
      (to) => tcpProxy({ to, plan }),
      ({ url }) => ({ url, fetch: alone }),
    ),
};
