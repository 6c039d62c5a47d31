import type { EpochMillis } from '../time/index.ts';
import { all, one, type Work } from './db.ts';
import { fold, type Base, type State } from './fold.ts';
import type { Parts } from './parts.ts';

/** A state that was kept. */
export interface Snapshot extends Base {
  readonly id: string;
  readonly at: EpochMillis;
}

/** How many events are folded at a time. */
const FOLD_PAGE = 500;

/** Folds what a caller may know of, from a base up to a place in the log. It only reads. */
export async function foldLog({ db, eventsFrom }: Parts, base: Base, to: number, caller: string): Promise<State> {
  let { state } = base;
  for (let from = base.n + 1; from <= to;) {
    const page = await db.single(() => eventsFrom(from, caller, FOLD_PAGE, { to }));
    state = fold(state, page);
    if (page.length < FOLD_PAGE) break;
    from = page.at(-1)!.n + 1;
  }
  return state;
}

interface Row {
  readonly id: string;
  readonly place: number;
  readonly created_at: number;
  readonly content: string;
}

const COLUMNS = 'id, place, created_at, content';

/** Keeps a snapshot. */
export function* addSnapshot(n: number, id: string, caller: string, { n: place, state }: Base, at: EpochMillis): Work<Snapshot> {
  const sql = 'INSERT INTO snapshots (n, id, caller, place, created_at, content) VALUES (?, ?, ?, ?, ?, ?)';
  yield* all(sql, n, id, caller, place, at, JSON.stringify(state));
  return { id, n: place, at, state };
}

/** One of a caller's snapshots. */
export function* snapshotOf(caller: string, id: string): Work<Snapshot | undefined> {
  const row = yield* one<Row>(`SELECT ${COLUMNS} FROM snapshots WHERE id = ? AND caller = ?`, id, caller);
  return row === undefined ? undefined : snapshotFrom(row);
}

/** The newest of a caller's snapshots that tells no more than the log up to a place. */
export function* snapshotUntil(caller: string, place: number): Work<Snapshot | undefined> {
  const sql = `SELECT ${COLUMNS} FROM snapshots WHERE caller = ? AND place <= ? ORDER BY place DESC, n DESC LIMIT 1`;
  const row = yield* one<Row>(sql, caller, place);
  return row === undefined ? undefined : snapshotFrom(row);
}

/** The newest of a caller's snapshots, without their states. */
export function* snapshots(caller: string, limit: number): Work<readonly Omit<Snapshot, 'state'>[]> {
  const sql = 'SELECT id, place AS n, created_at AS at FROM snapshots WHERE caller = ? ORDER BY snapshots.n DESC LIMIT ?';
  return yield* all<Omit<Snapshot, 'state'>>(sql, caller, limit);
}

function snapshotFrom({ id, place, created_at, content }: Row): Snapshot {
  return { id, n: place, at: created_at, state: JSON.parse(content) as State };
}
