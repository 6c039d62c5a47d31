import type { Bug } from '../parts.ts';

/** Of the looks at an operation that succeeded, this one goes to the replica, counted from 1. */
const STALE_LOOK = 2;

export const resurrectedOperation: Bug = {
  name: 'resurrected-operation',
  family: 'lifecycle',
  story: 'reads are spread over replicas, one of which lags: what was told as succeeded is told as running a look later',
  plant({ store }) {
    const looks = new Map<string, number>();
    return {
      store: {
        ...store,
        async get(id) {
          const operation = await store.get(id);
          if (operation?.status !== 'succeeded') return operation;
          const look = (looks.get(id) ?? 0) + 1;
          looks.set(id, look);
          if (look !== STALE_LOOK) return operation;
          const { step, version } = operation;
          return { ...operation, status: 'running', step: step - 1, version: version - 1, endedAt: undefined, report: undefined };
        },
      },
    };
  },
};
