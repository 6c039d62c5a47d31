import type { Bug } from '../parts.ts';

export const retryAfterInMillis: Bug = {
  name: 'retry-after-in-millis',
  family: 'headers',
  story: 'Retry-After is filled from a setting in milliseconds: who honours it comes back a thousand times too late',
  plant: ({ retryAfter }) => ({
    retryAfter(operation) {
      const seconds = retryAfter(operation);
      return seconds === undefined ? undefined : String(Number(seconds) * 1000);
    },
  }),
};
