import type { Bug } from '../parts.ts';

export const duplicatesOfAccepted: Bug = {
  name: 'duplicates-of-accepted',
  family: 'webhooks',
  story: 'a 202 is not taken for received: whoever queues what it is told is told the same again and again, and works on each',
  plant: ({ webhooks }) => ({
    webhooks: { ...webhooks, judge: (status) => (status === 202 ? 'failed' : webhooks.judge(status)) },
  }),
};
