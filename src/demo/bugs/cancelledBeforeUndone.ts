import type { Bug } from '../parts.ts';

export const cancelledBeforeUndone: Bug = {
  name: 'cancelled-before-undone',
  family: 'cancellation',
  story: 'a cancellation is told as done when it was only asked for: "cancelled", while the hotel is still booked',
  plant: ({ tell }) => ({
    tell(operation) {
      const told = tell(operation);
      return told.status === 'cancelling' ? { ...told, status: 'cancelled' } : told;
    },
  }),
};
