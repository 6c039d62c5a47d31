import type { Millis } from '../../time/index.ts';
import { one } from '../db.ts';
import { placeUntil } from '../events.ts';
import { BEGINNING, type Base } from '../fold.ts';
import type { Parts } from '../parts.ts';
import { problem } from '../problem.ts';
import { timestamp } from '../route.ts';
import { snapshotOf, snapshotUntil } from '../snapshots.ts';
import { STEPS, type Operation } from '../store.ts';
import { pickUpDelay } from '../worker.ts';
import type { Kind } from './kind.ts';

/** How long a replay takes, in milliseconds: it is not to be in the way of other work. */
export const REPLAY_MS: Millis = 1_000;

/** What is to be replayed, as it was ordered. */
export interface ReplayOrder {
  /** A snapshot of the caller, or a place in the log: the newest snapshot up to there is begun with. */
  readonly from: string | number;
  /** The last event: its place, a moment, or undefined for the last before the replay was ordered. */
  readonly to: number | { readonly moment: Millis } | undefined;
}

/**
 * Folds the log again, in steps. Where it begins saves work and changes nothing; it writes nothing but how far it is; and where it
 * ends is told by its order and its own place in the log, so that another worker comes to the same.
 */
export function replayKind(parts: Parts): Kind {
  const { clock, db } = parts;

  const baseOf = async ({ owner, order }: Operation): Promise<Base | undefined> => {
    const { from } = order as ReplayOrder;
    if (typeof from === 'string') return db.single(() => snapshotOf(owner, from));
    return (await db.single(() => snapshotUntil(owner, from))) ?? BEGINNING;
  };
  const endOf = async ({ id, order }: Operation): Promise<number> => {
    const { to } = order as ReplayOrder;
    if (typeof to === 'number') return to;
    const sql = "SELECT n - 1 AS n FROM events WHERE subject = ? AND type = 'operation.accepted'";
    const before = (await db.single(() => one<{ n: number }>(sql, `/operations/${id}`)))!.n;
    return to === undefined ? before : Math.min(before, await db.single(() => placeUntil(to.moment)));
  };

  return {
    async run(job) {
      const { operation } = job;
      const { owner, step: done } = operation;
      const base = await baseOf(operation);
      const to = await endOf(operation);
      if (base === undefined || base.n > to) {
        await job.finish(problem('invalid-replay', 'the snapshot is not from before the end of the replay'));
        return;
      }
      const effort = REPLAY_MS - pickUpDelay(REPLAY_MS);
      const began = clock.now() - (effort * done) / STEPS;
      let at = base;
      for (let step = done + 1; step <= STEPS; step++) {
        if (!(await job.until(began + (effort * step) / STEPS))) return;
        const n = base.n + Math.floor(((to - base.n) * step) / STEPS);
        at = { n, state: await parts.stateAt(at, n, owner) };
        if (step < STEPS && !(await job.note(step))) return;
      }
      await job.finish({ from: base.n, to, replayedAt: timestamp(clock.wall()), state: at.state });
    },
  };
}
