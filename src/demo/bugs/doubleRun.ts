import type { Bug } from '../parts.ts';
import { isProblem, type Report } from '../report.ts';

/** When the queue hands the job out again, as a share of its work. */
const VISIBILITY_SHARE = 0.5;

export const doubleRun: Bug = {
  name: 'double-run',
  family: 'exactly-once',
  story: 'the queue hands a long job out again before it is done, and nobody checks who owns it: one order, two reports',
  plant: ({ store, deliver }) => ({
    deliver(delivery, delay, work) {
      deliver(delivery, delay, work);
      deliver({ ...delivery, from: 'running' }, work * VISIBILITY_SHARE, work);
    },
    store: {
      ...store,
      async claim(id, from, at) {
        const operation = await store.get(id);
        return from === 'running' && operation?.status === 'running' && operation.kind === 'report'
          ? operation
          : store.claim(id, from, at);
      },
      async finish(id, attempt, outcome, at, name, alongside) {
        const mine = await store.finish(id, attempt, outcome, at, name, alongside);
        const { kind } = (await store.get(id))!;
        if (!mine && kind === 'report' && outcome !== 'cancelled' && !isProblem(outcome))
          await store.addReport(outcome as Report, id, at, name);
        return mine;
      },
    },
  }),
};
