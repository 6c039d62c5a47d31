import type { Bug } from '../parts.ts';

export const windowNeverEnds: Bug = {
  name: 'window-never-ends',
  family: 'rate-limit',
  story: 'every request sets the expiry of its counter anew, refused ones too: who goes on asking is never let in again',
  plant: ({ windowFor }) => ({
    windowFor: (before, now, length) => ({ ...windowFor(before, now, length), ends: now + length }),
  }),
};
