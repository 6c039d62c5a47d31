import { all } from '../db.ts';
import type { Bug } from '../parts.ts';

/** How far away the database is, in milliseconds. */
const ROUND_TRIP_MS = 5;

export const keyLookedUpFirst: Bug = {
  name: 'key-looked-up-first',
  family: 'idempotency',
  story: 'the key is looked up in one transaction and kept in the next: of two who come at once, both find it new',
  fires: 'under concurrency',
  plant: ({ clock, db }) => ({
    async underKey(id, look, act) {
      const before = await db.transact(look);
      if (before !== undefined) return before;
      await clock.sleep(ROUND_TRIP_MS);
      return db.transact(function* () {
        // The last one to write wins.
        if (id !== undefined) yield* all('DELETE FROM once WHERE id = ?', id);
        return yield* act();
      });
    },
  }),
};
