import type { Bug } from '../parts.ts';
import { partialReport, type ReportOrder } from '../report.ts';
import { STEPS } from '../store.ts';

export const partialOfAnother: Bug = {
  name: 'partial-of-another',
  family: 'progress',
  story: 'what is shown of a report while it is made comes from a preview of its own, whose lines are not those of the report',
  plant: ({ write, partial }) => ({
    partial: (operation) => {
      const told = partial(operation);
      if (told === undefined || operation.kind !== 'report') return told;
      const order = operation.order as ReportOrder;
      return partialReport({ ...order, title: `${order.title} (preview)` }, operation.step / STEPS, write);
    },
  }),
};
