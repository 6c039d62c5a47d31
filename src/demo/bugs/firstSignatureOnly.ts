import type { Bug } from '../parts.ts';

export const firstSignatureOnly: Bug = {
  name: 'first-signature-only',
  family: 'callbacks',
  story:
    'only the first signature of the list is looked at: on the day the service replaces its secret, its callbacks are refused',
  plant: ({ callbacks }) => ({
    callbacks: {
      ...callbacks,
      verify: (signed, ...args) => callbacks.verify({ ...signed, signature: signed.signature?.split(' ')[0] ?? null }, ...args),
    },
  }),
};
