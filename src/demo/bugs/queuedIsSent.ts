import type { Bug } from '../parts.ts';

export const queuedIsSent: Bug = {
  name: 'queued-is-sent',
  family: 'e-mail',
  story: 'the mail is left to a task in the background and told as sent: what the mail server says to it nobody hears',
  plant: ({ mail }) => ({
    async mail(letter) {
      mail(letter).catch(() => undefined);
      return { accepted: letter.recipients, refused: [] };
    },
  }),
};
