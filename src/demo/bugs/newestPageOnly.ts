import { one } from '../db.ts';
import type { Bug } from '../parts.ts';

export const newestPageOnly: Bug = {
  name: 'newest-page-only',
  family: 'streams',
  story: 'a reader that fell behind is given the newest page there is: what happened between is never told to it',
  plant: ({ eventsFrom }) => ({
    *eventsFrom(n, caller, limit, filter) {
      const newest = "SELECT n FROM events WHERE n >= ? AND owner IN ('', ?) ORDER BY n DESC LIMIT ?";
      const sql = `SELECT min(n) AS n FROM (${newest}) AS newest`;
      const begin = yield* one<{ n: number | null }>(sql, n, caller, limit);
      return yield* eventsFrom(begin?.n ?? n, caller, limit, filter);
    },
  }),
};
