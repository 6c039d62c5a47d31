import { HarnessError } from '../errors.ts';
import type { EpochMillis } from '../time/index.ts';
import { all, next, one, sqliteDb, type Db, type Value, type Work } from './db.ts';
import { record, type EventType } from './events.ts';
import { isPostgres, postgresDb } from './postgres.ts';
import type { Problem } from './problem.ts';
import { isProblem, type Report } from './report.ts';
import { TABLES } from './tables.ts';

/** How far an operation is: it moves from left to right and never back. */
export type OperationStatus = 'queued' | 'running' | 'cancelling' | 'succeeded' | 'failed' | 'cancelled';

/** What is done by an operation. */
export type OperationKind = 'report' | 'email' | 'import' | 'replay' | 'trip';

/** What is to be done. */
export interface Wanted {
  readonly kind: OperationKind;
  /** What was ordered, as its kind reads it. */
  readonly order: object;
  /** Who ordered it; empty for one who sent no token, whose operations are everybody's. */
  readonly owner?: string;
  /** The W3C trace context that it was ordered in. */
  readonly trace?: string;
}

/** Work that was ordered asynchronously, as it is stored. */
export interface Operation {
  readonly id: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  /** Who ordered it; empty for one who sent no token, whose operations are everybody's. */
  readonly owner: string;
  /** What was ordered, as its kind reads it. */
  readonly order: object;
  /** What its worker noted for the next one; undefined when nothing. */
  readonly noted: unknown;
  /** Steps of the work that are done, 0 to {@link STEPS}. */
  readonly step: number;
  /** How many workers took it up: a worker may write only while this is still its own number. */
  readonly attempt: number;
  /** Grows with every change: the entity tag. */
  readonly version: number;
  readonly createdAt: EpochMillis;
  readonly startedAt: EpochMillis | undefined;
  readonly endedAt: EpochMillis | undefined;
  /** The report, of a report that succeeded. */
  readonly report: StoredReport | undefined;
  /** What came of it, of any other operation that succeeded. */
  readonly result: object | undefined;
  /** Why it failed, of an operation that failed. */
  readonly error: Problem | undefined;
  readonly trace: string | undefined;
}

/** How work ends: with what came of it (for reports the report), why nothing did, or undone as it was asked to be. */
export type Outcome = object | Problem | 'cancelled';

/**
 * What is to be kept in the same transaction as a change of an operation. What it returns, if anything, is noted, or is what came
 * of the work: it may depend on what the transaction found.
 */
export type Alongside = () => Work<object | void>;

/** A job on its way to the worker. */
export interface Delivery {
  readonly id: string;
  /** The state the job must be in to be taken up. */
  readonly from: 'queued' | 'running';
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

/** How many steps every work has; progress is told after each. */
export const STEPS = 10;

/**
 * Where operations and reports are kept. Every method but `accept` is one transaction: it happens whole or not at all, and a change of
 * state happens only from the state it may follow, so that of two who try one is told no. What changes is told by the log, too.
 */
export interface Store {
  /** Keeps a new order as queued, as part of a transaction. */
  accept(wanted: Wanted, at: EpochMillis, name: Naming): Work<Operation>;
  get(id: string): Promise<Operation | undefined>;
  /** The newest operations that are this owner's or everybody's, newest first. */
  operations(limit: number, owner?: string): Promise<readonly Operation[]>;
  /** Operations that have not ended, oldest first; `running` are all that a worker had taken up. */
  unfinished(): Promise<readonly { readonly id: string; readonly status: 'queued' | 'running' }[]>;
  /**
   * Takes a job up.
   *
   * @param from the state it must be in: `running` only for a job whose worker is known to be dead, cancelled or not
   * @returns the job with a new attempt number; undefined when it is not in that state
   */
  claim(id: string, from: 'queued' | 'running', at: EpochMillis): Promise<Operation | undefined>;
  /** Notes that a step is done, and what else the next worker must know; false when the job is no longer this worker's. */
  advance(id: string, attempt: number, step: number, at: EpochMillis, noted?: unknown, alongside?: Alongside): Promise<boolean>;
  /**
   * Ends the job, with what came of it in the same transaction; false when the job is no longer this worker's, or when it
   * succeeded after it was asked to be cancelled.
   */
  finish(id: string, attempt: number, outcome: Outcome, at: EpochMillis, name: Naming, alongside?: Alongside): Promise<boolean>;
  /**
   * Cancels the operation unless it has ended; one that has something to undo is `cancelling` until its worker has undone it.
   *
   * @returns it as it is afterwards; undefined when there is none
   */
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

const COLUMNS =
  'id, kind, status, owner, ordered, noted, step, attempt, version, created_at, started_at, ended_at, report_id, result, error, trace';

/** Kinds of work that leave something to undo when they are cancelled. */
const UNDOING: readonly OperationKind[] = ['trip'];

/**
 * A store in an SQLite database: in memory, or a file that outlives the process. A file belongs to one process at a time: a job
 * found running in it has no worker any more.
 *
 * @param path a file, created when it does not exist, or `:memory:`
 * @throws HarnessError `store-unavailable`
 *
 * @example
 * ```ts
 * import { demoApp, sqliteStore } from 'holdfast/demo';
 *
 * const store = sqliteStore(':memory:');
 * // The worker is not started: what is accepted waits.
 * const app = demoApp({ store });
 * await app.fetch('/reports', { method: 'POST' });
 * (await store.unfinished()).map(({ status }) => status); // => ['queued']
 * await app.close();
 * await store.close();
 * ```
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
 *
 * @example
 * ```ts
 * import { demoApp, openStore } from 'holdfast/demo';
 * import { virtualClock } from 'holdfast/time';
 *
 * // Or a file, or postgres://user:password@host:port/database.
 * const store = await openStore(':memory:');
 * const before = demoApp({ store });
 * const order = await before.fetch('/reports', { method: 'POST' });
 * await before.close();
 *
 * // A store that was handed in outlives the app: the next one goes on where the first one was.
 * const clock = virtualClock();
 * const app = demoApp({ clock, store }).start();
 * await clock.advance(1_500);
 * const told = await app.fetch(order.headers.get('location') ?? '');
 * ((await told.json()) as { status: string }).status; // => 'succeeded'
 * await app.close();
 * await store.close();
 * ```
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
    const data = { title: report.title, ...(operation === undefined ? {} : { operation: `/operations/${operation}` }) };
    yield* record({ type: 'report.created', subject: `/reports/${id}`, owner, data }, at);
    return { id, operation, owner, createdAt: at, report };
  }

  /** Changes an operation, when it is as the condition says, and tells the log. */
  function* change(
    at: EpochMillis,
    sql: string,
    typeOf: (row: OperationRow) => EventType,
    ...values: readonly Value[]
  ): Work<OperationRow | undefined> {
    const row = yield* one<OperationRow>(`UPDATE operations SET version = version + 1, ${sql} RETURNING ${COLUMNS}`, ...values);
    if (row !== undefined) yield* tell(row, typeOf(row), at);
    return row;
  }
  function* tell({ id, kind, status, owner, step, error }: OperationRow, type: EventType, at: EpochMillis): Work<void> {
    const why = error === null ? {} : { error: JSON.parse(error) as Problem };
    const data = { kind, status, progress: progressOf(step), ...why };
    yield* record({ type, subject: `/operations/${id}`, owner, data }, at);
  }

  function* keepWith(id: string, column: 'noted' | 'result', alongside: Alongside | undefined): Work<void> {
    const told = alongside === undefined ? undefined : yield* alongside();
    if (told !== undefined) yield* all(`UPDATE operations SET ${column} = ? WHERE id = ?`, JSON.stringify(told), id);
  }

  function* accept({ kind, order, owner = '', trace }: Wanted, at: EpochMillis, name: Naming): Work<Operation> {
    const n = yield* next('operations');
    const sql = `INSERT INTO operations (n, id, kind, status, owner, ordered, created_at, trace)
      VALUES (?, ?, ?, 'queued', ?, ?, ?, ?) RETURNING ${COLUMNS}`;
    const row = yield* one<OperationRow>(sql, n, name(n), kind, owner, JSON.stringify(order), at, trace ?? null);
    yield* tell(row!, 'operation.accepted', at);
    return (yield* read(row))!;
  }

  function* end(id: string, attempt: number, outcome: Outcome, at: EpochMillis, name: Naming): Work<boolean> {
    const mine = 'WHERE id = ? AND attempt = ? AND status IN';
    if (outcome === 'cancelled') {
      const sql = `status = 'cancelled', ended_at = ? ${mine} ('cancelling')`;
      return (yield* change(at, sql, () => 'operation.cancelled', at, id, attempt)) !== undefined;
    }
    if (isProblem(outcome)) {
      const sql = `status = 'failed', ended_at = ?, error = ? ${mine} ('running', 'cancelling')`;
      return (yield* change(at, sql, () => 'operation.failed', at, JSON.stringify(outcome), id, attempt)) !== undefined;
    }
    // The job comes first, so that of two who would end it the second waits for the first, and writes no report.
    const sql = `status = 'succeeded', step = ${STEPS}, ended_at = ?, result = CASE kind WHEN 'report' THEN NULL ELSE ? END
      ${mine} ('running')`;
    const row = yield* change(at, sql, () => 'operation.succeeded', at, JSON.stringify(outcome), id, attempt);
    if (row?.kind === 'report') {
      const { id: report } = yield* addReport(outcome as Report, id, at, name, row.owner);
      yield* all('UPDATE operations SET report_id = ? WHERE id = ?', report, id);
    }
    return row !== undefined;
  }

  return {
    db,
    accept,
    // Two statements where it has ended, yet one reading: a report never changes.
    get: (id) => db.single(() => get(id)),
    operations: (limit, owner = '') =>
      db.single(function* () {
        const sql = `SELECT ${COLUMNS} FROM operations WHERE owner IN ('', ?) ORDER BY n DESC LIMIT ?`;
        const found: Operation[] = [];
        for (const row of yield* all<OperationRow>(sql, owner, limit)) found.push((yield* read(row))!);
        return found;
      }),
    unfinished: () =>
      db.single(() =>
        all<{ id: string; status: 'queued' | 'running' }>(
          `SELECT id, CASE status WHEN 'queued' THEN 'queued' ELSE 'running' END AS status FROM operations
           WHERE status IN ('queued', 'running', 'cancelling') ORDER BY n`,
        ),
      ),
    claim: (id, from, at) =>
      db.transact(function* () {
        const sql = `status = CASE status WHEN 'cancelling' THEN 'cancelling' ELSE 'running' END, attempt = attempt + 1,
          started_at = coalesce(started_at, ?) WHERE id = ? AND status IN (?, ?)`;
        const other = from === 'running' ? 'cancelling' : from;
        return yield* read(yield* change(at, sql, () => 'operation.started', at, id, from, other));
      }),
    advance: (id, attempt, step, at, noted, alongside) =>
      db.transact(function* () {
        const sql = "step = ?, noted = coalesce(?, noted) WHERE id = ? AND attempt = ? AND status IN ('running', 'cancelling')";
        const note = noted === undefined ? null : JSON.stringify(noted);
        const row = yield* change(at, sql, () => 'operation.progressed', step, note, id, attempt);
        if (row !== undefined) yield* keepWith(id, 'noted', alongside);
        return row !== undefined;
      }),
    finish: (id, attempt, outcome, at, name, alongside) =>
      db.transact(function* () {
        const row = yield* end(id, attempt, outcome, at, name);
        if (row) yield* keepWith(id, 'result', alongside);
        return row;
      }),
    cancel: (id, at) =>
      db.transact(function* () {
        const undoing = UNDOING.map((kind) => `'${kind}'`).join(', ');
        const sql = `status = CASE WHEN status = 'running' AND kind IN (${undoing}) THEN 'cancelling' ELSE 'cancelled' END,
          ended_at = CASE WHEN status = 'running' AND kind IN (${undoing}) THEN NULL ELSE ? + 0.0 END
          WHERE id = ? AND status IN ('queued', 'running')`;
        const typeOf = ({ status }: OperationRow): EventType =>
          status === 'cancelling' ? 'operation.cancelling' : 'operation.cancelled';
        yield* change(at, sql, typeOf, at, id);
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

/**
 * How a job that was lost is to be delivered again; undefined when it has ended.
 *
 * @param attempt the number by which it was held, where it was
 */
export function leftOf(operation: Operation | undefined, attempt?: number): Delivery | undefined {
  if (operation === undefined || isEnded(operation)) return undefined;
  // Taken up by another in between, it is that one's.
  if (attempt !== undefined && attempt !== operation.attempt) return undefined;
  return { id: operation.id, from: operation.status === 'queued' ? 'queued' : 'running' };
}

export function isEnded({ status }: Operation): boolean {
  return status !== 'queued' && status !== 'running' && status !== 'cancelling';
}

/** Per cent of the work. */
export function progressOf(step: number): number {
  return Math.round((step * 100) / STEPS);
}

interface OperationRow {
  readonly id: string;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  readonly owner: string;
  readonly ordered: string;
  readonly noted: string | null;
  readonly step: number;
  readonly attempt: number;
  readonly version: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly report_id: string | null;
  readonly result: string | null;
  readonly error: string | null;
  readonly trace: string | null;
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
    kind: row.kind,
    status: row.status,
    owner: row.owner,
    order: JSON.parse(row.ordered) as object,
    noted: row.noted === null ? undefined : (JSON.parse(row.noted) as unknown),
    step: row.step,
    attempt: row.attempt,
    version: row.version,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    report,
    result: row.result === null ? undefined : (JSON.parse(row.result) as object),
    error: row.error === null ? undefined : (JSON.parse(row.error) as Problem),
    trace: row.trace ?? undefined,
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
