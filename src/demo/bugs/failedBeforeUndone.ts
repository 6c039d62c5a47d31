import type { Problem } from '../problem.ts';
import type { Bug } from '../parts.ts';

export const failedBeforeUndone: Bug = {
  name: 'failed-before-undone',
  family: 'compensation',
  story: 'the state is set when a step fails, and undoing is left to a queue: "failed", while seat and hotel are still taken',
  plant: ({ tell }) => ({
    tell(operation) {
      const told = tell(operation);
      const { failure } = (operation.noted ?? {}) as { failure?: Problem };
      return told.status === 'running' && failure !== undefined ? { ...told, status: 'failed', error: failure } : told;
    },
  }),
};
