import type { Parts } from '../parts.ts';
import type { ReportOrder } from '../report.ts';
import { STEPS } from '../store.ts';
import { pickUpDelay } from '../worker.ts';
import type { Kind } from './kind.ts';

/** Writes a report, in steps of equal length. */
export function reportKind(parts: Parts): Kind {
  const { clock } = parts;
  return {
    async run(job) {
      const order = job.operation.order as ReportOrder;
      const effort = order.work - pickUpDelay(order.work);
      // Each step ends at its own moment since the beginning, so that the delays of steps do not add up.
      const began = clock.now() - (effort * job.operation.step) / STEPS;
      for (let step = job.operation.step + 1; step <= STEPS; step++) {
        if (!(await job.until(began + (effort * step) / STEPS))) return;
        if (step === STEPS) await job.finish(parts.write(order));
        else if (!(await job.note(step))) return;
      }
    },
  };
}
