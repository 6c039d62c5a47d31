import type { Bug } from '../parts.ts';

export const secretInList: Bug = {
  name: 'secret-in-list',
  family: 'webhooks',
  story: 'a subscription is told as it is stored, with its secret: whoever may read the list can forge every webhook',
  plant: ({ webhooks }) => ({
    webhooks: {
      ...webhooks,
      tell: (subscription) => Object.assign(webhooks.tell(subscription), { secret: subscription.secret }),
    },
  }),
};
