import type { Bug } from '../parts.ts';

export const undoFireAndForget: Bug = {
  name: 'undo-fire-and-forget',
  family: 'compensation',
  story: 'nobody looks at the answer to what is undone: the hotel is down for a second, and the room is paid for to the end',
  fires: 'after a fault',
  plant: ({ fetch }) => ({
    async fetch(input, init) {
      if (init?.method !== 'DELETE') return fetch(input, init);
      return fetch(input, init).then(
        (response) => (response.ok ? response : new Response(null, { status: 204 })),
        () => new Response(null, { status: 204 }),
      );
    },
  }),
};
