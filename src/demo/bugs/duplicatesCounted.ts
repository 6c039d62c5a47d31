import type { Bug } from '../parts.ts';

export const duplicatesCounted: Bug = {
  name: 'duplicates-counted',
  family: 'result',
  story: 'an import counts the rows that it was given and not those that it made: what was there already is told as created',
  plant: ({ tally }) => ({
    tally(results) {
      const { created, duplicate, invalid } = tally(results);
      return { created: created + duplicate, duplicate: 0, invalid };
    },
  }),
};
