import type { Bug } from '../parts.ts';

export const goneIgnored: Bug = {
  name: 'gone-ignored',
  family: 'webhooks',
  story: 'a receiver that answers 410 is called again like one that failed: who unsubscribed by closing the door is still called',
  plant: ({ webhooks }) => ({
    webhooks: {
      ...webhooks,
      judge(status) {
        const judged = webhooks.judge(status);
        return judged === 'gone' ? 'failed' : judged;
      },
    },
  }),
};
