import type { Bug } from '../parts.ts';

export const newIdEachRetry: Bug = {
  name: 'new-id-each-retry',
  family: 'webhooks',
  story:
    'each attempt has a fresh webhook-id: a receiver that drops what it had before drops nothing, and books everything twice',
  fires: 'after a fault',
  plant: ({ webhooks }) => ({
    webhooks: { ...webhooks, seal: (letter) => webhooks.seal({ ...letter, id: `${letter.id}_${letter.attempt}` }) },
  }),
};
