import type { Bug } from '../parts.ts';

export const webhookTimeInMillis: Bug = {
  name: 'webhook-time-in-millis',
  family: 'webhooks',
  story: 'webhook-timestamp is in milliseconds: every receiver that looks at it takes the webhook for one from the far future',
  plant: ({ webhooks }) => ({
    webhooks: { ...webhooks, seal: (letter) => webhooks.seal({ ...letter, timestamp: letter.timestamp * 1000 }) },
  }),
};
