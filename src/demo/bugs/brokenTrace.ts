import type { Bug } from '../parts.ts';

export const brokenTrace: Bug = {
  name: 'broken-trace',
  family: 'tracing',
  story: 'the queue drops the headers of messages: each worker begins a trace of its own, and nobody finds what a request led to',
  plant: () => ({ traceFor: () => undefined }),
};
