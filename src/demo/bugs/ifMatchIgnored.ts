import type { Bug } from '../parts.ts';

export const ifMatchIgnored: Bug = {
  name: 'if-match-ignored',
  family: 'stale-reads',
  story: 'If-Match is asked for and not compared: of two who change what they read at once, the second undoes the first unseen',
  plant: () => ({ isMatch: () => true }),
};
