import type { Bug } from '../parts.ts';

export const cancelIgnored: Bug = {
  name: 'cancel-ignored',
  family: 'cancellation',
  story:
    'the answer to DELETE is made from what was asked, not from what was done: "cancelled", yet the job goes on and succeeds',
  plant: ({ store }) => ({
    store: {
      ...store,
      async cancel(id, at) {
        const operation = await store.get(id);
        if (operation?.status !== 'queued' && operation?.status !== 'running') return operation;
        return { ...operation, status: 'cancelled', endedAt: at };
      },
    },
  }),
};
