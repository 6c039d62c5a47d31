import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { HarnessError, show } from '../errors.ts';

/** What a column holds. Money is whole cents, moments are milliseconds since 1970, anything with parts is JSON text. */
export type Value = string | number | null;

/** One SQL statement, with `?` for each of its values. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/**
 * What a transaction does: it yields statements and is given their rows, so that the same body runs to its end without a break
 * where the database is in this process, and step by step where it is across a network. It awaits nothing else: a transaction
 * that waited for the world would hold its locks as long.
 */
export type Work<T> = Generator<Statement, T, readonly unknown[]>;

/** The rows of a statement. */
export function* all<R>(sql: string, ...values: readonly Value[]): Work<readonly R[]> {
  return (yield { sql, values }) as readonly R[];
}

/** The first row of a statement; undefined when it has none. */
export function* one<R>(sql: string, ...values: readonly Value[]): Work<R | undefined> {
  return (yield { sql, values })[0] as R | undefined;
}

/** The number of the next row of a table, counted from 1: what is named by it never shares a name while the newest row is kept. */
export function* next(table: string): Work<number> {
  return (yield* one<{ n: number }>(`SELECT coalesce(max(n), 0) + 1 AS n FROM ${table}`))!.n;
}

/** The database cannot be reached just now, or is too busy: nothing is wrong with what was asked of it. */
export class DbAway extends Error {
  override readonly name = 'DbAway';
}

/** A relational database. */
export interface Db {
  /** Whether nobody else works on it; otherwise what is found in the middle of something may be another process's. */
  readonly alone: boolean;
  /**
   * Does all of the work or, when it throws, nothing of it; a transaction never meets another. A statement that fails is thrown into
   * the work, which may say what that means, but not go on: nothing of it is kept.
   */
  transact<T>(work: () => Work<T>): Promise<T>;
  /** Does work of one statement, which is whole or nothing by itself. */
  single<T>(work: () => Work<T>): Promise<T>;
  /**
   * Tells after every transaction of this process that is kept and, where others work on it too, now and then.
   *
   * @returns what ends the telling
   */
  onCommit(listener: () => void): () => void;
  close(): Promise<void>;
}

/** Grows when the tables change; a database of another version is refused rather than guessed at. */
export const SCHEMA_VERSION = 7;

/**
 * An SQLite database: in memory, or a file that outlives the process. A file belongs to one process at a time (an exclusive lock,
 * which the system releases when the process dies), and a transaction never meets another: its work runs without a break.
 *
 * @param path a file, created when it does not exist, or `:memory:`
 * @param tables what makes the tables, run when the database is new
 * @throws HarnessError `store-unavailable`
 */
export function sqliteDb(path: string, tables: readonly string[]): Db {
  const db = openDatabase(path, tables);
  const prepared = new Map<string, StatementSync>();
  const rows = ({ sql, values }: Statement): readonly unknown[] => {
    let statement = prepared.get(sql);
    if (statement === undefined) prepared.set(sql, (statement = db.prepare(sql)));
    return statement.all(...values);
  };
  const run = <T>(work: () => Work<T>, whole: boolean): T => {
    const going = work();
    let failure: { readonly error: unknown } | undefined;
    for (let step = going.next(); ;) {
      if (step.done === true) {
        if (whole && failure !== undefined) throw failure.error;
        return step.value;
      }
      let told: readonly unknown[];
      try {
        told = rows(step.value);
      } catch (error) {
        // The work may know what a broken constraint means.
        failure ??= { error };
        step = going.throw(error);
        continue;
      }
      step = going.next(told);
    }
  };
  const listeners = new Set<() => void>();
  return {
    alone: true,
    transact: async (work) => {
      let result;
      db.exec('BEGIN IMMEDIATE');
      try {
        result = run(work, true);
        db.exec('COMMIT');
      } catch (error) {
        // SQLite itself rolls back after some faults, such as a full disk.
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
      for (const listener of listeners) listener();
      return result;
    },
    single: async (work) => run(work, false),
    onCommit(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => {
      if (db.isOpen) db.close();
    },
  };
}

function openDatabase(path: string, tables: readonly string[]): DatabaseSync {
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
    const { count } = db.prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table'").get() as { count: number };
    if (version !== SCHEMA_VERSION && (version !== 0 || count !== 0)) throw new Error(NOT_OURS);
    if (version === 0) db.exec([...tables, `PRAGMA user_version = ${SCHEMA_VERSION};`].join('\n'));
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
