import type { Bug } from '../parts.ts';

export const importStartsOver: Bug = {
  name: 'import-starts-over',
  family: 'exactly-once',
  story: 'after a restart an import begins with its first item: what it had made itself is told as there already',
  fires: 'after a fault',
  plant: ({ store }) => ({
    store: {
      ...store,
      async claim(id, from, at) {
        const operation = await store.claim(id, from, at);
        return operation?.kind === 'import' ? { ...operation, step: 0, noted: undefined } : operation;
      },
    },
  }),
};
