import type { Bug } from '../parts.ts';

export const deadlineNotPassedOn: Bug = {
  name: 'deadline-not-passed-on',
  family: 'time-outs',
  story: 'each call has its own time-out, whatever is left of the client’s: a flight is booked for one who gave up long ago',
  plant: () => ({ timeFor: () => 5_000 }),
};
