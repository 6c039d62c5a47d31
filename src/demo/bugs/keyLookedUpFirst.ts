import { all } from '../db.ts';
import type { Bug } from '../parts.ts';

export const keyLookedUpFirst: Bug = {
  name: 'key-looked-up-first',
  family: 'idempotency',
  story: 'the key is looked up in one transaction and kept in the next: of two who come at once, both find it new',
  fires: 'under concurrency',
  plant: ({ db }) => ({
    async underKey(id, look, act) {
      const before = await db.transact(look);
      return (
        before ??
        db.transact(function* () {
          // The last one to write wins.
          if (id !== undefined) yield* all('DELETE FROM once WHERE id = ?', id);
          return yield* act();
        })
      );
    },
  }),
};
