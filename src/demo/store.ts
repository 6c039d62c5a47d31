import { HarnessError } from '../errors.ts';
import type { EpochMillis } from '../time/index.ts';
import { all, next, one, sqliteDb, type Db, type Work } from './db.ts';
import { isPostgres, postgresDb } from './postgres.ts';
import type { Problem } from './problem.ts';
import { isProblem, type Report, type ReportOrder } from './report.ts';
import { TABLES } from './tables.ts';

/** How far a report is: it moves from left to right and never back. */
export type OperationStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** One report that was ordered asynchronously, as it is stored. */
export interface Operation {
  readonly id: string;
  readonly status: OperationStatus;
  /** Who ordered it; empty for one who sent no token, whose operations are everybody's. */
  readonly owner: string;
  readonly order: ReportOrder;
  /** Steps of the work that are done, 0 to {@link STEPS}. */
  readonly step: number;
  /** How many workers took it up: a worker may write only while this is still its own number. */
  readonly attempt: number;
  /** Grows with every change: the entity tag. */
  readonly version: number;
  readonly createdAt: EpochMillis;
  readonly startedAt: EpochMillis | undefined;
  readonly endedAt: EpochMillis | undefined;
  /** The report, of an operation that succeeded. */
  readonly report: StoredReport | undefined;
  /** Why it failed, of an operation that failed. */
  readonly error: Problem | undefined;
}

/** A finished report with its place in the collection. */
export interface StoredReport {
  readonly id: string;
  /** The operation it was written for; undefined when it was ordered synchronously. */
  readonly operation: string | undefined;
  /** Whose it is; empty for everybody's. */
  readonly owner: string;
  readonly createdAt: EpochMillis;
  readonly report: Report;
}

/** Names the nth thing of its kind, counted from 1: the store counts, chance is handed in. */
export type Naming = (nth: number) => string;

/** How many steps the work of a report has; progress is told after each. */
export const STEPS = 10;

/**
 * Where operations and reports are kept. Every method but `accept` is one transaction: it happens whole or not at all, and a change of
 * state happens only from the state it may follow, so that of two who try one is told no.
 */
export interface Store {
  /** Keeps a new order as queued, as part of a transaction. */
  accept(order: ReportOrder, at: EpochMillis, name: Naming, owner?: string): Work<Operation>;
  get(id: string): Promise<Operation | undefined>;
  /** Operations that have not ended, oldest first. */
  unfinished(): Promise<readonly { readonly id: string; readonly status: 'queued' | 'running' }[]>;
  /**
   * Takes a job up.
   *
   * @param from the state it must be in: `running` only for a job whose worker is known to be dead
   * @returns the job with a new attempt number; undefined when it is not in that state
   */
  claim(id: string, from: 'queued' | 'running', at: EpochMillis): Promise<Operation | undefined>;
  /** Notes that a step is done; false when the job is no longer this worker's. */
  advance(id: string, attempt: number, step: number): Promise<boolean>;
  /** Ends the job, with its report in the same transaction; false when the job is no longer this worker's. */
  finish(id: string, attempt: number, outcome: Report | Problem, at: EpochMillis, name: Naming): Promise<boolean>;
  /** Cancels the operation unless it has ended. Returns it as it is afterwards; undefined when there is none. */
  cancel(id: string, at: EpochMillis): Promise<Operation | undefined>;
  addReport(report: Report, operation: string | undefined, at: EpochMillis, name: Naming, owner?: string): Promise<StoredReport>;
  report(id: string): Promise<StoredReport | undefined>;
  /** The newest reports that are this owner's or everybody's, newest first. */
  reports(limit: number, owner?: string): Promise<readonly StoredReport[]>;
  /** Where it keeps all this, and others their own. */
  readonly db: Db;
  close(): Promise<void>;
}

/**
 * How many finished reports are kept parsed, so that a look at a finished operation does not parse its report again. A report is
 * read after its commit and never changes, so that other processes can make none of them wrong.
 */
const PARSED_REPORTS = 64;

const COLUMNS = 'id, status, owner, ordered, step, attempt, version, created_at, started_at, ended_at, report_id, error';

/**
 * A store in an SQLite database: in memory, or a file that outlives the process. A file belongs to one process at a time: a job
 * found running in it has no worker any more.
 *
 * @param path a file, created when it does not exist, or `:memory:`
 * @throws HarnessError `store-unavailable`
 */
export function sqliteStore(path: string): Store {
  if (isPostgres(path))
    throw new HarnessError(
      'store-unavailable',
      'a store on a server is not a file',
      'hand in await openStore(url) instead of the URL',
    );
  return storeIn(sqliteDb(path, TABLES));
}

/**
 * A store in an SQLite file, or on a PostgreSQL server (which takes the package `pg`), where several processes may work on it: a job
 * found running may have a living worker.
 *
 * @param where a path, `:memory:`, or `postgres://user:password@host:port/database`
 * @throws HarnessError `store-unavailable`, `not-installed`
 */
export async function openStore(where: string): Promise<Store> {
  return isPostgres(where) ? storeIn(await postgresDb(where, TABLES)) : sqliteStore(where);
}

/** A store in a database that has the tables. */
function storeIn(db: Db): Store {
  const parsed = new Map<string, StoredReport>();
  function* readReport(id: string): Work<StoredReport | undefined> {
    const known = parsed.get(id);
    if (known !== undefined) return known;
    const row = yield* one<ReportRow>('SELECT id, operation_id, owner, created_at, content FROM reports WHERE id = ?', id);
    if (row === undefined) return undefined;
    const report = reportFrom(row);
    if (parsed.size >= PARSED_REPORTS) parsed.delete(parsed.keys().next().value!);
    parsed.set(id, report);
    return report;
  }
  function* read(row: OperationRow | undefined): Work<Operation | undefined> {
    if (row === undefined) return undefined;
    return operationFrom(row, row.report_id === null ? undefined : yield* readReport(row.report_id));
  }
  function* get(id: string): Work<Operation | undefined> {
    return yield* read(yield* one<OperationRow>(`SELECT ${COLUMNS} FROM operations WHERE id = ?`, id));
  }
  function* addReport(
    report: Report,
    operation: string | undefined,
    at: EpochMillis,
    name: Naming,
    owner = '',
  ): Work<StoredReport> {
    const n = yield* next('reports');
    const id = name(n);
    const sql = 'INSERT INTO reports (n, id, operation_id, owner, created_at, content) VALUES (?, ?, ?, ?, ?, ?)';
    yield* all(sql, n, id, operation ?? null, owner, at, JSON.stringify(report));
    return { id, operation, owner, createdAt: at, report };
  }

  function* accept(order: ReportOrder, at: EpochMillis, name: Naming, owner = ''): Work<Operation> {
    const n = yield* next('operations');
    const sql = `INSERT INTO operations (n, id, status, owner, ordered, created_at) VALUES (?, ?, 'queued', ?, ?, ?) RETURNING ${COLUMNS}`;
    return (yield* read(yield* one<OperationRow>(sql, n, name(n), owner, JSON.stringify(order), at)))!;
  }

  return {
    db,
    accept,
    // Two statements where it has ended, yet one reading: a report never changes.
    get: (id) => db.single(() => get(id)),
    unfinished: () =>
      db.single(() =>
        all<{ id: string; status: 'queued' | 'running' }>(
          "SELECT id, status FROM operations WHERE status IN ('queued', 'running') ORDER BY n",
        ),
      ),
    claim: (id, from, at) =>
      db.single(function* () {
        const row = yield* one<OperationRow>(
          `UPDATE operations SET status = 'running', attempt = attempt + 1, version = version + 1,
           started_at = coalesce(started_at, ?) WHERE id = ? AND status = ? RETURNING ${COLUMNS}`,
          at,
          id,
          from,
        );
        return yield* read(row);
      }),
    advance: (id, attempt, step) =>
      db.single(function* () {
        const row = yield* one(
          `UPDATE operations SET step = ?, version = version + 1
           WHERE id = ? AND attempt = ? AND status = 'running' RETURNING id`,
          step,
          id,
          attempt,
        );
        return row !== undefined;
      }),
    finish: (id, attempt, outcome, at, name) =>
      db.transact(function* () {
        if (isProblem(outcome)) {
          const row = yield* one(
            `UPDATE operations SET status = 'failed', version = version + 1, ended_at = ?, error = ?
             WHERE id = ? AND attempt = ? AND status = 'running' RETURNING id`,
            at,
            JSON.stringify(outcome),
            id,
            attempt,
          );
          return row !== undefined;
        }
        // The job comes first, so that of two who would end it the second waits for the first, and writes no report.
        const row = yield* one<{ owner: string }>(
          `UPDATE operations SET status = 'succeeded', step = ${STEPS}, version = version + 1, ended_at = ?
           WHERE id = ? AND attempt = ? AND status = 'running' RETURNING owner`,
          at,
          id,
          attempt,
        );
        if (row === undefined) return false;
        const { id: report } = yield* addReport(outcome, id, at, name, row.owner);
        yield* all('UPDATE operations SET report_id = ? WHERE id = ?', report, id);
        return true;
      }),
    cancel: (id, at) =>
      db.transact(function* () {
        yield* all(
          `UPDATE operations SET status = 'cancelled', version = version + 1, ended_at = ?
           WHERE id = ? AND status IN ('queued', 'running')`,
          at,
          id,
        );
        return yield* get(id);
      }),
    addReport: (...args) => db.transact(() => addReport(...args)),
    report: (id) => db.single(() => readReport(id)),
    reports: (limit, owner = '') =>
      db.single(function* () {
        const sql =
          "SELECT id, operation_id, owner, created_at, content FROM reports WHERE owner IN ('', ?) ORDER BY n DESC LIMIT ?";
        return (yield* all<ReportRow>(sql, owner, limit)).map(reportFrom);
      }),
    close: () => db.close(),
  };
}

interface OperationRow {
  readonly id: string;
  readonly status: OperationStatus;
  readonly owner: string;
  readonly ordered: string;
  readonly step: number;
  readonly attempt: number;
  readonly version: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly report_id: string | null;
  readonly error: string | null;
}

interface ReportRow {
  readonly id: string;
  readonly operation_id: string | null;
  readonly owner: string;
  readonly created_at: number;
  readonly content: string;
}

function operationFrom(row: OperationRow, report: StoredReport | undefined): Operation {
  return {
    id: row.id,
    status: row.status,
    owner: row.owner,
    order: JSON.parse(row.ordered) as ReportOrder,
    step: row.step,
    attempt: row.attempt,
    version: row.version,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    report,
    error: row.error === null ? undefined : (JSON.parse(row.error) as Problem),
  };
}

function reportFrom(row: ReportRow): StoredReport {
  return {
    id: row.id,
    operation: row.operation_id ?? undefined,
    owner: row.owner,
    createdAt: row.created_at,
    report: JSON.parse(row.content) as Report,
  };
}
