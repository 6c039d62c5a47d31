import type { Bug } from '../parts.ts';

export const refusalSwallowed: Bug = {
  name: 'refusal-swallowed',
  family: 'result',
  story: 'the library is content when the server took one recipient, and nobody reads its list of those that were refused',
  plant: ({ mail }) => ({
    async mail(letter, signal) {
      const sent = await mail(letter, signal);
      return sent.accepted.length === 0 ? sent : { accepted: letter.recipients, refused: [] };
    },
  }),
};
