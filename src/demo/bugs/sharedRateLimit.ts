import type { Bug } from '../parts.ts';

export const sharedRateLimit: Bug = {
  name: 'shared-rate-limit',
  family: 'rate-limit',
  story: 'requests are counted by the address of the gateway, which all callers share: one who asks often shuts the others out',
  plant: () => ({ countedAs: () => '' }),
};
