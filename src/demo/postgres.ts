import { HarnessError, show } from '../errors.ts';
import { systemClock, type Millis } from '../time/index.ts';
import { DbAway, SCHEMA_VERSION, type Db, type Value, type Work } from './db.ts';

/** The schema that holds the tables, unless another is given: what else is in the database is left alone. */
const SCHEMA = 'holdfast_demo';
/** The most connections of one process, unless another number is given. */
const MAX_CONNECTIONS = 10;
/** How often those who wait for commits look, in milliseconds: what other processes commit is told to nobody. */
const LOOK_AGAIN_MS: Millis = 250;
/** How long the server may take to let us in, or a connection to be free, in milliseconds. */
const CONNECT_TIMEOUT_MS: Millis = 5_000;
/** How long a statement, or the wait for the lock, may take on the server, and how long a transaction may be silent there. */
const STATEMENT_TIMEOUT_MS: Millis = 10_000;
/** How long an answer is waited for: longer than the server takes to give up, for one that says nothing at all. */
const ANSWER_TIMEOUT_MS: Millis = 12_000;
/** How long a transaction may wait for those before it in this process. */
const TURN_TIMEOUT_MS: Millis = 10_000;
/** How often a transaction is run, when it meets statements that take no turn. */
const MAX_RUNS = 5;
/** Serialization failure, and deadlock: the transaction did nothing, and may be run again. */
const CONFLICTS: ReadonlySet<unknown> = new Set(['40001', '40P01']);
/** By this number two processes that start at the same moment take turns in making the tables; it has no other meaning. */
const SETUP_LOCK = 1_751_084_132;

/**
 * Every transaction waits here for its turn, as in SQLite: so the rows that `next` counts, and the order of what is only ever
 * appended to, are the order of the commits, in whatever process. EXCLUSIVE is the weakest mode that shuts out itself and lets
 * a process that starts read the version. It stands before the first query because only that takes the snapshot, which then has
 * all that those before it committed. REPEATABLE READ, so that the work sees one state from its first statement to its last:
 * SERIALIZABLE would look for what only transactions side by side can do, and there are none. A single statement takes no turn:
 * where it changed a row first, the transaction fails with 40001 and is run again.
 */
const BEGIN = 'BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE about IN EXCLUSIVE MODE';

/** Sends one statement, and resolves with its rows. */
type Ask = (sql: string, values?: readonly Value[]) => Promise<readonly unknown[]>;

/** What is used of a connection of `pg`. */
interface Connection {
  query(sql: string, values: Value[]): Promise<{ readonly rows?: readonly unknown[] }>;
  release(destroy: boolean): void;
}

/** Whether a store is a PostgreSQL server's, by its URL. */
export function isPostgres(where: string): boolean {
  return /^postgres(ql)?:/i.test(where);
}

/**
 * The URL of a server as it may be shown.
 *
 * @throws HarnessError `store-unavailable` for one that cannot be read; nothing of it is told, for any part may be the password
 */
export function withoutPassword(url: string): string {
  const read = URL.canParse(url) ? new URL(url) : undefined;
  // A password with such a character in it, as it is, moves the parts of the URL: then the wrong one would be shown.
  if (
    read === undefined ||
    read.host === '' ||
    read.hash !== '' ||
    !/^(\/[^/@:]*)?$/.test(read.pathname) ||
    /@/.test(read.search)
  )
    throw new HarnessError(
      'store-unavailable',
      'the URL of the store cannot be read',
      'write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with @ : / ? # of the password as %40 %3A %2F %3F %23',
    );
  return `postgres://${read.username === '' ? '' : `${read.username}@`}${read.host}${read.pathname}`;
}

/**
 * A PostgreSQL database: the server's, so that several processes may work on it. Transactions take turns; a connection that is
 * lost in the middle of one rejects it, and the next has a new one.
 *
 * @param url `postgres://user:password@host:port/database`
 * @param tables what makes the tables, in the words of SQLite, run when the schema is not there
 * @throws HarnessError `store-unavailable`, `not-installed`
 */
export async function postgresDb(
  url: string,
  tables: readonly string[],
  { schema = SCHEMA, connections = MAX_CONNECTIONS }: { schema?: string; connections?: number } = {},
): Promise<Db> {
  const where = withoutPassword(url);
  const pg = await load();
  const types = new pg.TypeOverrides();
  // Every whole number here is a safe one: cents, milliseconds and counts.
  for (const type of [pg.types.builtins.INT8, pg.types.builtins.NUMERIC]) types.setTypeParser(type, Number);
  const pool = new pg.Pool({
    connectionString: withSettings(url, schema),
    max: connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    application_name: 'holdfast demo',
    keepAlive: true,
    types,
  });
  // A connection that breaks while nobody waits for it: whoever uses it next is told, or gets another.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => void client.on('error', () => undefined));
  const connected = <T>(body: (ask: Ask) => Promise<T>, then?: 'COMMIT'): Promise<T> => onConnection(pool, body, then);
  try {
    await connected((ask) => prepare(ask, schema, tables), 'COMMIT');
  } catch (error) {
    await pool.end();
    throw storeError(where, schema, error instanceof DbAway ? error.cause : error);
  }

  // One of this process at a time: the others would only keep connections from those who read.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(body: () => Promise<T>): Promise<T> => {
    const asked = systemClock.now();
    const mine = last.then(() => {
      if (systemClock.now() - asked <= TURN_TIMEOUT_MS) return body();
      throw new DbAway(`a transaction waited longer than ${TURN_TIMEOUT_MS} ms for those before it, and was not begun`);
    });
    last = mine.catch(() => undefined);
    return mine;
  };

  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  let cancelLook = (): void => undefined;
  const lookAgain = (): void => {
    cancelLook = systemClock.after(LOOK_AGAIN_MS, () => {
      lookAgain();
      tell();
    });
  };

  let closed: Promise<void> | undefined;
  return {
    alone: false,
    transact: (work) =>
      inTurn(async () => {
        for (let runs = 1; ; runs++) {
          try {
            const result = await connected(async (ask) => {
              await ask(BEGIN);
              return run(ask, work, true);
            }, 'COMMIT');
            tell();
            return result;
          } catch (error) {
            if (runs === MAX_RUNS || !CONFLICTS.has(codeOf(error))) throw error;
          }
        }
      }),
    single: (work) => connected((ask) => run(ask, work, false)),
    onCommit(listener) {
      if (listeners.size === 0) lookAgain();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) cancelLook();
      };
    },
    close: () => {
      cancelLook();
      return (closed ??= pool.end());
    },
  };
}

/** Lends a connection: given back when it is still good, and closed, which undoes what was not committed, when it is not. */
async function onConnection<T>(
  pool: { connect(): Promise<Connection> },
  body: (ask: Ask) => Promise<T>,
  then: 'COMMIT' | undefined,
): Promise<T> {
  const connection = await pool.connect().catch((error: unknown) => {
    throw new DbAway('the database cannot be reached', { cause: error });
  });
  let lost = false;
  const ask: Ask = async (sql, values = []) => {
    try {
      return (await connection.query(sql, [...values])).rows ?? [];
    } catch (error) {
      if (codeOf(error) !== undefined) throw error;
      lost = true;
      const outcome = sql === 'COMMIT' ? 'as it was committed: it may be kept, or not' : 'in the middle of it';
      throw new DbAway(`the connection to the database was lost ${outcome}`, { cause: error });
    }
  };
  try {
    const result = await body(ask);
    if (then !== undefined) await ask(then);
    return result;
  } catch (error) {
    if (then !== undefined && !lost) await ask('ROLLBACK').catch(() => (lost = true));
    throw error;
  } finally {
    connection.release(lost);
  }
}

async function run<T>(ask: Ask, work: () => Work<T>, whole: boolean): Promise<T> {
  const going = work();
  let failure: { readonly error: unknown } | undefined;
  for (let step = going.next(); ;) {
    if (step.done === true) {
      if (whole && failure !== undefined) throw failure.error;
      return step.value;
    }
    let told: readonly unknown[];
    try {
      told = await ask(numbered(step.value.sql), step.value.values);
    } catch (error) {
      // What is to be run again, and what nobody answered, is not the work's to know.
      if (codeOf(error) === undefined || CONFLICTS.has(codeOf(error))) throw error;
      failure ??= { error };
      step = going.throw(error);
      continue;
    }
    step = going.next(told);
  }
}

/** The SQLSTATE of what the server refused; undefined where the connection went with it, and for the error of a socket. */
function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'severity' in error && 'code' in error ? String(error.code) : undefined;
  return code === undefined || /^(08|57P|25P03)/.test(code) ? undefined : code;
}

/** A statement with `$1`, `$2` … for each `?` that is not inside a text, a quoted name or a comment. */
export function numbered(sql: string): string {
  let n = 0;
  return sql.replaceAll(/'[^']*'|"[^"]*"|--[^\n]*|\?/g, (found) => (found === '?' ? `$${++n}` : found));
}

/** Tables in the words of PostgreSQL. What refers to another table does so when all are there: SQLite knows no order. */
export function postgresTables(tables: readonly string[]): string {
  const references: string[] = [];
  let table = '';
  const words =
    /('[^']*')|\bCREATE TABLE (\w+)|\bREAL\b|\bINTEGER\b|\) STRICT\b|(?<=\n\s*)(\w+)([^\n]*?) (REFERENCES \w+ \(\w+\))/g;
  const replaced = (found: string, text?: string, named?: string, column?: string, type = '', reference?: string): string => {
    if (text !== undefined) return found;
    if (named !== undefined) table = named;
    if (reference !== undefined) {
      references.push(`ALTER TABLE ${table} ADD FOREIGN KEY (${column}) ${reference};`);
      return `${column}${type.replaceAll(words, replaced)}`;
    }
    return { REAL: 'DOUBLE PRECISION', INTEGER: 'BIGINT', ') STRICT': ')' }[found] ?? found;
  };
  return [...tables.map((text) => text.replaceAll(words, replaced)), ...references].join('\n');
}

/** Makes the tables unless they are there. */
async function prepare(ask: Ask, schema: string, tables: readonly string[]): Promise<void> {
  await ask('BEGIN');
  await ask('SELECT pg_advisory_xact_lock($1)', [SETUP_LOCK]);
  const [there] = (await ask('SELECT to_regnamespace($1) IS NOT NULL AS made, to_regclass($2) IS NOT NULL AS ours', [
    schema,
    `${schema}.about`,
  ])) as [{ readonly made: boolean; readonly ours: boolean }];
  if (there.made) {
    const rows = there.ours ? ((await ask('SELECT * FROM about')) as readonly { readonly version?: unknown }[]) : [];
    if (rows.length !== 1 || rows[0]?.version !== SCHEMA_VERSION) throw new NotOurs();
    return;
  }
  await ask(`CREATE SCHEMA ${schema}; CREATE TABLE about (version BIGINT NOT NULL);
    INSERT INTO about VALUES (${SCHEMA_VERSION}); ${postgresTables(tables)}`);
}

/** Settings that each connection begins with; those of the URL stay. */
function withSettings(url: string, schema: string): string {
  const whole = new URL(url);
  const settings = {
    search_path: schema,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
  };
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  whole.searchParams.set('options', [whole.searchParams.get('options') ?? [], options].flat().join(' '));
  return whole.href;
}

async function load() {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw new HarnessError('not-installed', 'a store on PostgreSQL needs the package pg', 'npm install pg', { cause: error });
  }
}

class NotOurs extends Error {}

/** What has a remedy of its own, by SQLSTATE or by Node's code. */
const REMEDIES: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  '28P01': ['the server refuses the password', 'mend the user and the password of the URL, or set PGPASSWORD'],
  '28000': ['the server does not let this user in', 'mend the user of the URL, or let it in in pg_hba.conf'],
  '3D000': ['there is no such database', 'make it with createdb, or name another'],
  '42501': ['the user lacks a right that it takes', 'GRANT CREATE ON DATABASE … TO the user, or use the one who made the schema'],
  '53300': ['the server has no connection left', 'close some, or raise max_connections'],
  '57P03': ['the server is starting or stopping', 'try again in a moment'],
  ECONNREFUSED: ['nothing listens there', 'start the server, or mend the host and the port of the URL'],
  ENOTFOUND: ['there is no such host', 'mend the host of the URL'],
  EAI_AGAIN: ['there is no such host, as far as is known now', 'mend the host of the URL, or try again in a moment'],
};

function storeError(where: string, schema: string, error: unknown): HarnessError {
  // Node tries each address of a host, and tells the errors together.
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  const code = String((first as { code?: unknown }).code);
  const told = first instanceof Error ? first.message : String(first);
  const [what, hint] =
    error instanceof NotOurs
      ? [
          `its schema ${schema} is of something else, or of another version of this demo`,
          `DROP SCHEMA ${schema} CASCADE if nothing of it is needed, or name another database`,
        ]
      : (REMEDIES[code] ??
        (/timeout/.test(told)
          ? [
              `nobody answers within ${CONNECT_TIMEOUT_MS / 1000} s`,
              'see whether the server runs, and whether this is its address',
            ]
          : [told, 'see that this is the address of a PostgreSQL server']));
  return new HarnessError('store-unavailable', `cannot keep jobs in ${show(where, 200)}: ${what}`, hint, { cause: error });
}
