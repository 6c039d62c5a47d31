import type { Bug } from '../parts.ts';

export const dataOverLines: Bug = {
  name: 'data-over-lines',
  family: 'streams',
  story: 'the data of a message is printed over several lines, and only the first begins with "data:": clients read half a JSON',
  plant: () => ({
    frame: ({ id, event, data }) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data, undefined, 2)}\n\n`,
  }),
};
