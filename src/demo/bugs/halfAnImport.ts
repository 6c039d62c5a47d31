import type { Bug } from '../parts.ts';

export const halfAnImport: Bug = {
  name: 'half-an-import',
  family: 'atomicity',
  story: 'all or nothing is done on a connection of its own that commits each row: the rows before the first bad one stay',
  plant: ({ store }) => ({
    store: {
      ...store,
      async finish(id, attempt, outcome, at, name, alongside) {
        const made = alongside === undefined ? undefined : await store.db.single(alongside);
        return store.finish(id, attempt, made ?? outcome, at, name);
      },
    },
  }),
};
