import type { Bug } from '../parts.ts';
import { isFirst } from '../webhooks/webhooks.ts';

export const notedBeforeBooked: Bug = {
  name: 'noted-before-booked',
  family: 'callbacks',
  story: 'that a callback came is kept before what it tells: the booking fails, and what comes again is dropped as known',
  fires: 'after a fault',
  plant: ({ callbacks }) => ({
    callbacks: {
      ...callbacks,
      async receive(db, id, now, effect) {
        if (await db.transact(() => isFirst(id, now))) await db.transact(effect);
      },
    },
  }),
};
