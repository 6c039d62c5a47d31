import { record, type LoggedEvent } from '../events.ts';
import type { Bug } from '../parts.ts';

export const replayWritesAgain: Bug = {
  name: 'replay-writes-again',
  family: 'replay',
  story: 'a replay sends the events through those who handle new ones, and they do it all again: the log tells it twice',
  plant: ({ clock, db, eventsFrom, stateAt }) => ({
    async stateAt(base, to, caller) {
      const again = (await db.single(() => eventsFrom(base.n + 1, caller, 100))).filter(
        ({ n, type }: LoggedEvent) => n <= to && type === 'customer.created',
      );
      await db.transact(function* () {
        for (const event of again) yield* record(event, clock.wall());
      });
      return stateAt(base, to, caller);
    },
  }),
};
