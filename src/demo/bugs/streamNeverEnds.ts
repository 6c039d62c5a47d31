import type { Bug } from '../parts.ts';

export const streamNeverEnds: Bug = {
  name: 'stream-never-ends',
  family: 'streams',
  story: 'the stream of an operation stays open after its end: connections pile up, and whoever waits for the last message hangs',
  plant: () => ({ isLast: () => false }),
};
