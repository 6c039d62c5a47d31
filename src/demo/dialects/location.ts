import type { Dialect } from './dialect.ts';

/** What this server speaks unless it is told otherwise: 202 with Location, and a monitor that answers 200 in every state. */
export const location: Dialect = {
  name: 'location',
  says: '202 with Location; the monitor answers 200 with a status in every state; DELETE cancels',
  place: '/operations/',
  accepted: ({ told, monitor }) => ({ status: 202, body: told, headers: { location: monitor } }),
  looked: ({ told }) => ({ status: 200, body: told, headers: {} }),
  cancel: {
    by: 'DELETE',
    answer: ({ told }) => ({ status: told.status === 'cancelling' ? 202 : 200, body: told, headers: {} }),
  },
};
