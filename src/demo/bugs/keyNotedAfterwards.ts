import { all, type Statement, type Work } from '../db.ts';
import type { Bug } from '../parts.ts';

export const keyNotedAfterwards: Bug = {
  name: 'key-noted-afterwards',
  family: 'idempotency',
  story: 'the key is noted once the money has moved, in a transaction of its own: its answer is lost, and the retry pays again',
  fires: 'after a fault',
  plant: ({ db }) => ({
    async underKey(_id, look, act) {
      const notes: Statement[] = [];
      const done = await db.transact(function* () {
        return (yield* look()) ?? (yield* withoutNotes(act(), notes));
      });
      for (const { sql, values } of notes) await db.transact(() => all(sql, ...values));
      return done;
    },
  }),
};

/** Does work, and puts off what it notes of its key. */
function* withoutNotes<T>(work: Work<T>, notes: Statement[]): Work<T> {
  for (let step = work.next(); ;) {
    if (step.done === true) return step.value;
    const isNote = step.value.sql.startsWith('INSERT INTO once');
    if (isNote) notes.push(step.value);
    step = work.next(isNote ? [] : yield step.value);
  }
}
