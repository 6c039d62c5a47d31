import type { Bug } from '../parts.ts';

export const webhookNotRetried: Bug = {
  name: 'webhook-not-retried',
  family: 'webhooks',
  story: 'a webhook is sent once and forgotten: who was down for a minute never learns what happened in it',
  fires: 'after a fault',
  plant: ({ webhooks }) => ({ webhooks: { ...webhooks, retryIn: () => undefined } }),
};
