import type { Bug } from '../parts.ts';

export const timeoutAsRefusal: Bug = {
  name: 'timeout-as-refusal',
  family: 'time-outs',
  story: 'no answer is taken for a no: work that was accepted for later fails at the first hiccup of a service',
  fires: 'after a fault',
  plant: () => ({ saidNo: () => true }),
};
