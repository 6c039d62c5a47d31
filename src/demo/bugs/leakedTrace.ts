import type { Bug } from '../parts.ts';
import type { TraceContext } from '../tracing.ts';

export const leakedTrace: Bug = {
  name: 'leaked-trace',
  family: 'tracing',
  story:
    'the current trace is kept in a variable of the module: of two requests at a time one calls on in the trace of the other',
  fires: 'under concurrency',
  plant() {
    let current: TraceContext | undefined;
    return {
      carrier: {
        run(context, work) {
          current = context;
          return work();
        },
        current: () => current,
      },
    };
  },
};
