import type { Bug } from '../parts.ts';

export const replayWithoutHeaders: Bug = {
  name: 'replay-without-headers',
  family: 'idempotency',
  story: 'only the body of an answer is kept under its key: who lost the first answer is told 202 again, and no monitor',
  plant: () => ({ kept: (reply) => ({ ...reply, headers: {} }) }),
};
