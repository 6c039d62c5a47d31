import { all, type Statement } from '../db.ts';
import type { Bug } from '../parts.ts';

export const toldBeforeCommit: Bug = {
  name: 'told-before-commit',
  family: 'webhooks',
  story: 'webhooks are put into the outbox outside of the transaction: what was rolled back is told all the same',
  fires: 'after a fault',
  plant: ({ db }) => ({
    db: {
      ...db,
      async transact(work) {
        const outbox: Statement[] = [];
        try {
          return await db.transact(function* () {
            const going = work();
            for (let step = going.next(); ;) {
              if (step.done === true) return step.value;
              const isTold = step.value.sql.startsWith('INSERT INTO deliveries');
              if (isTold) outbox.push(step.value);
              step = going.next(isTold ? [] : yield step.value);
            }
          });
        } finally {
          for (const { sql, values } of outbox) await db.transact(() => all(sql, ...values));
        }
      },
    },
  }),
};
