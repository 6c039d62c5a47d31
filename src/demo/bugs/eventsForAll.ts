import { all } from '../db.ts';
import type { LoggedEvent } from '../events.ts';
import type { Bug } from '../parts.ts';

export const eventsForAll: Bug = {
  name: 'events-for-all',
  family: 'isolation',
  story:
    'every other route looks at whose a thing is, but the feed was built for one tenant: it tells everybody all that happens',
  plant: ({ eventsFrom }) => ({
    *eventsFrom(n, caller, limit, filter) {
      const owners = yield* all<{ owner: string }>('SELECT DISTINCT owner FROM events');
      const found: LoggedEvent[] = [];
      for (const owner of new Set([caller, ...owners.map((row) => row.owner)]))
        for (const event of yield* eventsFrom(n, owner, limit, filter)) if (event.owner === owner) found.push(event);
      return found.sort((a, b) => a.n - b.n).slice(0, limit);
    },
  }),
};
