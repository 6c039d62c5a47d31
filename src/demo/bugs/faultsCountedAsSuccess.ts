import type { Bug } from '../parts.ts';

export const faultsCountedAsSuccess: Bug = {
  name: 'faults-counted-as-success',
  family: 'monitoring',
  story:
    'requests are counted before the error handler has set the status: every fault is a 200 in the metrics, and no alarm rings',
  fires: 'after a fault',
  plant: ({ meter }) => ({
    meter: { ...meter, served: (request) => meter.served(request.status >= 500 ? { ...request, status: 200 } : request) },
  }),
};
