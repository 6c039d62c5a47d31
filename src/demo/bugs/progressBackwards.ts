import type { Bug } from '../parts.ts';
import { STEPS } from '../store.ts';

export const progressBackwards: Bug = {
  name: 'progress-backwards',
  family: 'progress',
  story: 'the work has two phases that each count from nought to a hundred, and the bar shows whichever reported last',
  plant: ({ tell }) => ({
    tell(operation) {
      const told = tell(operation);
      if (operation.status !== 'running') return told;
      const phase = STEPS / 2;
      return { ...told, progress: Math.round(((operation.step % phase) * 100) / phase) };
    },
  }),
};
