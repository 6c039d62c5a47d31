import { nock } from '../../../src/inject/index.ts';
import { closeHandlesOfNock } from '../../setup/nock.ts';
import { alone, before, type InjectorWorld } from './world.ts';

/** What any code of this process sends, by nock 15. */
export const world: InjectorWorld = {
  name: 'nock',
  async start(plan) {
    const start = await before(
      (to) => nock({ hosts: [new URL(to).host], plan }),
      (_, url) => ({ url, fetch: alone }),
    );
    const stop = async (): Promise<void> => {
      await start.stop();
      closeHandlesOfNock();
    };
    return { ...start, stop };
  },
};
