import type { Bug } from '../parts.ts';

export const callbackBookedTwice: Bug = {
  name: 'callback-booked-twice',
  family: 'callbacks',
  story: 'a callback that comes again is booked again: its sender did not hear our answer, and the money is refunded twice',
  plant: ({ callbacks }) => ({
    callbacks: { ...callbacks, receive: (db, _id, _now, effect) => db.transact(effect) },
  }),
};
