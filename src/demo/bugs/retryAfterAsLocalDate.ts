import type { Bug } from '../parts.ts';

export const retryAfterAsLocalDate: Bug = {
  name: 'retry-after-as-local-date',
  family: 'headers',
  story: 'Retry-After is a date as the server’s locale writes it, without a zone: each client reads another moment, or none',
  plant: ({ clock, retryAfter }) => ({
    retryAfter(operation) {
      const seconds = retryAfter(operation);
      if (seconds === undefined) return undefined;
      return new Date(clock.wall() + Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
    },
  }),
};
