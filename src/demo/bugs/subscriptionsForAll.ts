import { one } from '../db.ts';
import type { Bug } from '../parts.ts';
import { SUBSCRIPTION_COLUMNS, type Subscription } from '../webhooks/outbox.ts';

export const subscriptionsForAll: Bug = {
  name: 'subscriptions-for-all',
  family: 'webhooks',
  story: 'deliveries are found by the id of the subscription alone: whoever knows it reads what others are told',
  plant: ({ webhooks }) => ({
    webhooks: {
      ...webhooks,
      find: function* (id) {
        return yield* one<Subscription>(`SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE id = ?`, id);
      },
    },
  }),
};
