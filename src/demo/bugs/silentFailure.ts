import type { Bug } from '../parts.ts';

export const silentFailure: Bug = {
  name: 'silent-failure',
  family: 'result',
  story: 'the worker logs why a job failed and stores only that it did: the client is told "failed" and no reason',
  plant: ({ tell }) => ({
    tell(operation) {
      const { error: _logged, ...told } = tell(operation);
      return told;
    },
  }),
};
