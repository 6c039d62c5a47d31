import type { Bug } from '../parts.ts';
import { isProblem, TAX_RATE, type Report } from '../report.ts';

export const parityDrift: Bug = {
  name: 'parity-drift',
  family: 'parity',
  story: 'the worker runs an older release that rounds the tax down line by line: cents are missing from reports made later',
  plant: ({ store }) => ({
    store: {
      ...store,
      finish(id, attempt, outcome, at, name, alongside) {
        if (outcome === 'cancelled' || isProblem(outcome) || !('lines' in outcome))
          return store.finish(id, attempt, outcome, at, name, alongside);
        const report = outcome as Report;
        const tax = report.lines.reduce((sum, line) => sum + Math.floor(line.net * TAX_RATE), 0);
        return store.finish(id, attempt, { ...report, tax, total: report.net + tax }, at, name, alongside);
      },
    },
  }),
};
