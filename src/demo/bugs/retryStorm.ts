import type { Bug } from '../parts.ts';

/** How long it waits in between, in milliseconds. */
const STORM_MS = 100;

export const retryStorm: Bug = {
  name: 'retry-storm',
  family: 'webhooks',
  story: 'what failed is tried again at once, and again: a receiver that comes up under load is brought down by its own webhooks',
  fires: 'after a fault',
  plant: ({ webhooks }) => ({
    webhooks: {
      ...webhooks,
      retryIn: (...args) => (webhooks.retryIn(...args) === undefined ? undefined : STORM_MS),
    },
  }),
};
