import type { Bug } from '../parts.ts';

export const notedAfterwards: Bug = {
  name: 'noted-afterwards',
  family: 'atomicity',
  story: 'a step is noted when it is done, not before it is begun: after a crash nobody knows of the hotel, nor gives it back',
  fires: 'after a fault',
  plant: ({ store }) => ({
    store: {
      ...store,
      async advance(id, attempt, step, at, noted, alongside) {
        const { states = {} } = (noted ?? {}) as { states?: Readonly<Record<string, string>> };
        const done = Object.entries(states).map(([part, state]) => [part, state === 'begun' ? 'planned' : state]);
        const kept = noted === undefined ? undefined : { ...(noted as object), states: Object.fromEntries(done) as object };
        return store.advance(id, attempt, step, at, kept, alongside);
      },
    },
  }),
};
