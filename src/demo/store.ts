import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { HarnessError, show } from '../errors.ts';
import type { EpochMillis } from '../time/index.ts';
import type { Problem } from './problem.ts';
import { isProblem, type Report, type ReportOrder } from './report.ts';

/** How far a report is: it moves from left to right and never back. */
export type OperationStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

/** One report that was ordered asynchronously, as it is stored. */
export interface Operation {
  readonly id: string;
  readonly status: OperationStatus;
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
  readonly createdAt: EpochMillis;
  readonly report: Report;
}

/** Names the nth thing of its kind, counted from 1: the store counts, chance is handed in. */
export type Naming = (nth: number) => string;

/** How many steps the work of a report has; progress is told after each. */
export const STEPS = 10;

/**
 * Where operations and reports are kept. Every method is one transaction: it happens whole or not at all, and a change of
 * state happens only from the state it may follow, so that of two who try one is told no.
 */
export interface Store {
  /** Keeps a new order as queued. */
  accept(order: ReportOrder, at: EpochMillis, name: Naming): Promise<Operation>;
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
  addReport(report: Report, operation: string | undefined, at: EpochMillis, name: Naming): Promise<StoredReport>;
  report(id: string): Promise<StoredReport | undefined>;
  /** The newest reports, newest first. */
  reports(limit: number): Promise<readonly StoredReport[]>;
  close(): Promise<void>;
}

/** Grows when the tables change; a file of another version is refused rather than guessed at. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE operations (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    ordered TEXT NOT NULL,
    step INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    report_id TEXT REFERENCES reports (id),
    error TEXT
  ) STRICT;
  CREATE INDEX unfinished ON operations (n) WHERE status IN ('queued', 'running');
  CREATE TABLE reports (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    operation_id TEXT REFERENCES operations (id),
    created_at REAL NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** How many finished reports are kept parsed, so that a look at a finished operation does not parse its report again. */
const PARSED_REPORTS = 64;

/**
 * A store in an SQLite database: in memory, or a file that outlives the process. A file belongs to one process at a time
 * (an exclusive lock, which the system releases when the process dies): a job found running in it has no worker any more.
 *
 * @param path a file, created when it does not exist, or `:memory:`
 * @throws HarnessError `store-unavailable`
 */
export function sqliteStore(path: string): Store {
  const db = openDatabase(path);

  const one = (sql: string): StatementSync => db.prepare(sql);
  const columns = 'id, status, ordered, step, attempt, version, created_at, started_at, ended_at, report_id, error';
  const insertOperation = one(
    `INSERT INTO operations (n, id, status, ordered, created_at) VALUES (?, ?, 'queued', ?, ?) RETURNING ${columns}`,
  );
  const lastOperation = one('SELECT coalesce(max(n), 0) AS n FROM operations');
  const selectOperation = one(`SELECT ${columns} FROM operations WHERE id = ?`);
  const selectUnfinished = one("SELECT id, status FROM operations WHERE status IN ('queued', 'running') ORDER BY n");
  const claim = one(
    `UPDATE operations SET status = 'running', attempt = attempt + 1, version = version + 1,
     started_at = coalesce(started_at, ?) WHERE id = ? AND status = ? RETURNING ${columns}`,
  );
  const advance = one(
    "UPDATE operations SET step = ?, version = version + 1 WHERE id = ? AND attempt = ? AND status = 'running'",
  );
  const succeed = one(
    `UPDATE operations SET status = 'succeeded', step = ${STEPS}, version = version + 1, ended_at = ?, report_id = ?
     WHERE id = ? AND attempt = ? AND status = 'running'`,
  );
  const fail = one(
    `UPDATE operations SET status = 'failed', version = version + 1, ended_at = ?, error = ?
     WHERE id = ? AND attempt = ? AND status = 'running'`,
  );
  const cancel = one(
    `UPDATE operations SET status = 'cancelled', version = version + 1, ended_at = ?
     WHERE id = ? AND status IN ('queued', 'running')`,
  );
  const insertReport = one('INSERT INTO reports (n, id, operation_id, created_at, content) VALUES (?, ?, ?, ?, ?)');
  const lastReport = one('SELECT coalesce(max(n), 0) AS n FROM reports');
  const selectReport = one('SELECT id, operation_id, created_at, content FROM reports WHERE id = ?');
  const selectReports = one('SELECT id, operation_id, created_at, content FROM reports ORDER BY n DESC LIMIT ?');

  const inTransaction = <T>(body: () => T): T => {
    db.exec('BEGIN IMMEDIATE');
    try {
      const result = body();
      db.exec('COMMIT');
      return result;
    } catch (error) {
      db.exec('ROLLBACK');
      throw error;
    }
  };

  const parsed = new Map<string, StoredReport>();
  const readReport = (id: string): StoredReport | undefined => {
    const known = parsed.get(id);
    if (known !== undefined) return known;
    const row = selectReport.get(id) as unknown as ReportRow | undefined;
    if (row === undefined) return undefined;
    const report = reportFrom(row);
    if (parsed.size >= PARSED_REPORTS) parsed.delete(parsed.keys().next().value!);
    parsed.set(id, report);
    return report;
  };
  const read = (row: unknown): Operation | undefined =>
    row === undefined ? undefined : operationFrom(row as OperationRow, readReport);

  const addReport: (...args: Parameters<Store['addReport']>) => StoredReport = (report, operation, at, name) => {
    const n = (lastReport.get() as { n: number }).n + 1;
    const id = name(n);
    insertReport.run(n, id, operation ?? null, at, JSON.stringify(report));
    return { id, operation, createdAt: at, report };
  };

  return {
    accept: async (order, at, name) =>
      inTransaction(() => {
        const n = (lastOperation.get() as { n: number }).n + 1;
        return read(insertOperation.get(n, name(n), JSON.stringify(order), at))!;
      }),
    get: async (id) => read(selectOperation.get(id)),
    unfinished: async () => selectUnfinished.all() as { id: string; status: 'queued' | 'running' }[],
    claim: async (id, from, at) => read(claim.get(at, id, from)),
    advance: async (id, attempt, step) => advance.run(step, id, attempt).changes === 1,
    finish: async (id, attempt, outcome, at, name) => {
      if (isProblem(outcome)) return fail.run(at, JSON.stringify(outcome), id, attempt).changes === 1;
      return inTransaction(() => {
        const current = selectOperation.get(id) as unknown as OperationRow | undefined;
        if (current?.status !== 'running' || current.attempt !== attempt) return false;
        const { id: report } = addReport(outcome, id, at, name);
        succeed.run(at, report, id, attempt);
        return true;
      });
    },
    cancel: async (id, at) =>
      inTransaction(() => {
        cancel.run(at, id);
        return read(selectOperation.get(id));
      }),
    addReport: async (...args) => inTransaction(() => addReport(...args)),
    report: async (id) => readReport(id),
    reports: async (limit) => (selectReports.all(limit) as unknown as ReportRow[]).map(reportFrom),
    close: async () => {
      if (db.isOpen) db.close();
    },
  };
}

interface OperationRow {
  readonly id: string;
  readonly status: OperationStatus;
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
  readonly created_at: number;
  readonly content: string;
}

function operationFrom(row: OperationRow, report: (id: string) => StoredReport | undefined): Operation {
  return {
    id: row.id,
    status: row.status,
    order: JSON.parse(row.ordered) as ReportOrder,
    step: row.step,
    attempt: row.attempt,
    version: row.version,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    report: row.report_id === null ? undefined : report(row.report_id),
    error: row.error === null ? undefined : (JSON.parse(row.error) as Problem),
  };
}

function reportFrom(row: ReportRow): StoredReport {
  return {
    id: row.id,
    operation: row.operation_id ?? undefined,
    createdAt: row.created_at,
    report: JSON.parse(row.content) as Report,
  };
}

function openDatabase(path: string): DatabaseSync {
  // Fetched when a store is opened: importing the demo must work where SQLite is missing, and must not print its warning.
  const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;
  if (sqlite === undefined) {
    throw new HarnessError(
      'store-unavailable',
      `this Node.js (${process.version}) has no node:sqlite, which the demo keeps its jobs in`,
      'run it with Node.js 22.22 or later',
    );
  }
  let db: DatabaseSync | undefined;
  try {
    db = new sqlite.DatabaseSync(path);
    // Accepted work is promised: FULL makes every commit reach the disk before the 202 is sent.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    db.exec('BEGIN IMMEDIATE');
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number };
    const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table'").get() as {
      tables: number;
    };
    if (version !== SCHEMA_VERSION && (version !== 0 || tables !== 0)) throw new Error(NOT_OURS);
    if (version === 0) db.exec(SCHEMA);
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db?.close();
    throw storeError(path, error);
  }
}

const NOT_OURS = 'it is a database of something else, or of another version of this demo';

/** SQLite's result codes that have a remedy of their own (https://sqlite.org/rescode.html). */
const REMEDIES: Readonly<Record<number, readonly [what: string, hint: string]>> = {
  5: ['another process has it open', 'stop that process, or give each its own file'],
  8: ['it may not be written to', 'make the file and its folder writable, or give another file'],
  14: ['it cannot be opened or created', 'give a path to a file in a folder that exists and that you may write to'],
  26: ['it is not an SQLite database', 'give a file that does not exist yet, or one that this demo made'],
};

function storeError(path: string, error: unknown): HarnessError {
  const code = (error as { errcode?: number }).errcode ?? 0;
  const [what, hint] = REMEDIES[code & 0xff] ?? [
    error instanceof Error ? error.message : String(error),
    'give a file that does not exist yet',
  ];
  return new HarnessError('store-unavailable', `cannot keep jobs in ${show(path, 200)}: ${what}`, hint, { cause: error });
}
