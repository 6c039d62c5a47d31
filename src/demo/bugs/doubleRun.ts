import type { Bug } from '../parts.ts';

/** When the queue hands the job out again, as a share of its work. */
const VISIBILITY_SHARE = 0.5;

export const doubleRun: Bug = {
  name: 'double-run',
  family: 'exactly-once',
  story: 'the queue hands a long job out again before it is done, and nobody checks who owns it: one order, two reports',
  plant: ({ store, deliver }) => ({
    deliver(delivery, delay, order) {
      deliver(delivery, delay, order);
      deliver({ ...delivery, from: 'running' }, order.work * VISIBILITY_SHARE, order);
    },
    store: {
      ...store,
      async claim(id, from, at) {
        const operation = await store.get(id);
        return from === 'running' && operation?.status === 'running' ? operation : store.claim(id, from, at);
      },
      async finish(id, attempt, outcome, at, name) {
        const mine = await store.finish(id, attempt, outcome, at, name);
        if (!mine && 'rows' in outcome) await store.addReport(outcome, id, at, name);
        return mine;
      },
    },
  }),
};
