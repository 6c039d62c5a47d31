import type { Bug } from '../parts.ts';

export const autoCommit: Bug = {
  name: 'auto-commit',
  family: 'atomicity',
  story: 'the driver commits after each statement: a transfer that is refused at its credit has been debited all the same',
  plant: ({ db }) => ({
    db: {
      ...db,
      async transact(work) {
        try {
          return await db.single(work);
        } finally {
          // Whoever waits for a commit is told of one.
          await db.transact(function* () {});
        }
      },
    },
  }),
};
