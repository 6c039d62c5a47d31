import type { Bug } from '../parts.ts';
import { isProblem, TAX_RATE, type Report } from '../report.ts';

/** Of ten workers, one was forgotten. */
const OLD_SHARE = 0.1;

export const parityDrift: Bug = {
  name: 'parity-drift',
  family: 'parity',
  story: 'one worker in ten still runs a release that rounds the tax down line by line: some reports made later lack cents',
  fires: 'one in N by seed',
  plant: ({ random, store }) => ({
    store: {
      ...store,
      finish(id, attempt, outcome, at, name, alongside) {
        const isOld = random.fork(`release/${id}`).chance(OLD_SHARE);
        if (!isOld || outcome === 'cancelled' || isProblem(outcome) || !('lines' in outcome))
          return store.finish(id, attempt, outcome, at, name, alongside);
        const report = outcome as Report;
        const tax = report.lines.reduce((sum, line) => sum + Math.floor(line.net * TAX_RATE), 0);
        return store.finish(id, attempt, { ...report, tax, total: report.net + tax }, at, name, alongside);
      },
    },
  }),
};
