import type { Bug } from '../parts.ts';

export const resumeRepeatsOne: Bug = {
  name: 'resume-repeats-one',
  family: 'streams',
  story: 'a client that comes back with Last-Event-ID is given the events from that one on (>=), not those after it (>)',
  plant: () => ({ placeAfter: (n) => n }),
};
