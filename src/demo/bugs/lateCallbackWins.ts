import type { Bug } from '../parts.ts';

export const lateCallbackWins: Bug = {
  name: 'late-callback-wins',
  family: 'callbacks',
  story: 'whichever callback comes last is the state: one that was delayed turns a payment that was refunded back to captured',
  plant: ({ callbacks }) => ({ callbacks: { ...callbacks, isNewer: () => true } }),
};
