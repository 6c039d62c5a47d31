import type { Bug } from '../parts.ts';
import { isProblem, TAX_RATE } from '../report.ts';

export const parityDrift: Bug = {
  name: 'parity-drift',
  family: 'parity',
  story: 'the worker runs an older release that rounds the tax down line by line: cents are missing from reports made later',
  plant: ({ store }) => ({
    store: {
      ...store,
      finish(id, attempt, outcome, at, name) {
        if (isProblem(outcome)) return store.finish(id, attempt, outcome, at, name);
        const tax = outcome.lines.reduce((sum, line) => sum + Math.floor(line.net * TAX_RATE), 0);
        return store.finish(id, attempt, { ...outcome, tax, total: outcome.net + tax }, at, name);
      },
    },
  }),
};
