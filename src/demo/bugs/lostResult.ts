import type { Bug } from '../parts.ts';

export const lostResult: Bug = {
  name: 'lost-result',
  family: 'result',
  story: 'the state and the report are written in two transactions, and the second one fails: succeeded, with nothing to show',
  plant({ store }) {
    return {
      store: {
        ...store,
        async get(id) {
          const operation = await store.get(id);
          return operation === undefined ? undefined : { ...operation, report: undefined };
        },
        report: async (id) => {
          const found = await store.report(id);
          return found?.operation === undefined ? found : undefined;
        },
      },
    };
  },
};
