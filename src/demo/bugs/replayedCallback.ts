import type { Bug } from '../parts.ts';

export const replayedCallback: Bug = {
  name: 'replayed-callback',
  family: 'callbacks',
  story: 'the moment of a callback is not looked at: one that was seen on its way months ago is taken today',
  plant: ({ callbacks }) => ({
    callbacks: {
      ...callbacks,
      verify: (signed, secret) => callbacks.verify(signed, secret, Number(signed.timestamp) * 1000),
    },
  }),
};
