import type { Bug } from '../parts.ts';

export const overtakenEvent: Bug = {
  name: 'overtaken-event',
  family: 'webhooks',
  story:
    'what failed goes to the end of the queue: the receiver is told of the second change before the first, and keeps the first',
  fires: 'after a fault',
  plant: ({ webhooks }) => ({
    webhooks: { ...webhooks, pick: (waiting, now) => waiting.find(({ due_at }) => due_at <= now) },
  }),
};
