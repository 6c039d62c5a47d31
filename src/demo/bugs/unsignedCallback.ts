import type { Bug } from '../parts.ts';

export const unsignedCallback: Bug = {
  name: 'unsigned-callback',
  family: 'callbacks',
  story: 'a signature is checked where there is one: without the field, a stranger’s callback is as good as the service’s',
  plant: ({ callbacks }) => ({
    callbacks: {
      ...callbacks,
      verify: (signed, ...args) => (signed.signature === null ? undefined : callbacks.verify(signed, ...args)),
    },
  }),
};
