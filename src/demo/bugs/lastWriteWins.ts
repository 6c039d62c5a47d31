import { all } from '../db.ts';
import type { Bug } from '../parts.ts';
import { isProblem } from '../report.ts';

export const lastWriteWins: Bug = {
  name: 'last-write-wins',
  family: 'concurrency',
  story:
    'the worker writes its end over what came meanwhile: who cancels during the last step is told 202, and pays for the trip',
  fires: 'under concurrency',
  plant: ({ store }) => ({
    store: {
      ...store,
      async finish(id, attempt, outcome, ...rest) {
        if (outcome !== 'cancelled' && !isProblem(outcome)) {
          const sql = "UPDATE operations SET status = 'running' WHERE id = ? AND attempt = ? AND status = 'cancelling'";
          await store.db.single(() => all(sql, id, attempt));
        }
        return store.finish(id, attempt, outcome, ...rest);
      },
    },
  }),
};
