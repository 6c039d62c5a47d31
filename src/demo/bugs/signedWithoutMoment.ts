import { signature } from '../webhooks/signature.ts';
import type { Bug } from '../parts.ts';

export const signedWithoutMoment: Bug = {
  name: 'signed-without-moment',
  family: 'webhooks',
  story: 'only the body is signed, not the id and the moment: what was seen once can be sent again under another name for ever',
  plant: ({ webhooks }) => ({
    webhooks: {
      ...webhooks,
      seal: (letter) => ({
        ...webhooks.seal(letter),
        'webhook-signature': letter.secrets.map((secret) => signature(secret, letter.body)).join(' '),
      }),
    },
  }),
};
