import type { Bug } from '../parts.ts';

export const signedAnotherText: Bug = {
  name: 'signed-another-text',
  family: 'webhooks',
  story: 'the body is parsed and written again before it is signed: its members are in another order than in what is sent',
  plant: ({ webhooks }) => ({
    webhooks: {
      ...webhooks,
      seal(letter) {
        const members = Object.entries(JSON.parse(letter.body) as object).toSorted(([one], [other]) => (one < other ? -1 : 1));
        return webhooks.seal({ ...letter, body: JSON.stringify(Object.fromEntries(members)) });
      },
    },
  }),
};
