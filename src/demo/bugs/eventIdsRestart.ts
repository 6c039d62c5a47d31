import type { Bug } from '../parts.ts';
import { eventId } from '../events.ts';

export const eventIdsRestart: Bug = {
  name: 'event-ids-restart',
  family: 'streams',
  story: 'events are numbered by whoever tells them, anew with each page: two events have one id, and a resume goes wrong',
  plant: ({ eventsFrom }) => ({
    *eventsFrom(...wanted) {
      return (yield* eventsFrom(...wanted)).map((event, index) => ({ ...event, id: eventId(index + 1) }));
    },
  }),
};
