import { eventId } from './events.ts';
import { DEMO_USERS } from './sessions.ts';

/** Operations, and the reports that some of them make. What is `noted` is for the next worker, when this one dies. */
const REPORT_TABLES = `
  CREATE TABLE operations (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
    owner TEXT NOT NULL,
    ordered TEXT NOT NULL,
    noted TEXT,
    step INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    report_id TEXT REFERENCES reports (id),
    result TEXT,
    error TEXT,
    trace TEXT
  ) STRICT;
  CREATE INDEX unfinished ON operations (n) WHERE status IN ('queued', 'running', 'cancelling');
  CREATE TABLE reports (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    operation_id TEXT REFERENCES operations (id),
    owner TEXT NOT NULL,
    created_at REAL NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
`;

/** Operations that their callers have thrown away: in some dialects they are there no longer. */
const FORGOTTEN_TABLES = `
  CREATE TABLE forgotten (
    id TEXT PRIMARY KEY
  ) STRICT;
`;

/** Those who have logged in. A token is kept as its hash: whoever reads the file can be nobody with it. */
const SESSION_TABLES = `
  CREATE TABLE sessions (
    n INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    expires_at REAL NOT NULL
  ) STRICT;
`;

/** A deleted customer keeps its row, so that its number, and with it its id, never comes again. */
const CUSTOMER_TABLES = `
  CREATE TABLE customers (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE UNIQUE INDEX customer_emails ON customers (owner, email) WHERE deleted = 0;
`;

/** What every account begins with, in cents. */
const OPENING_BALANCE = 100_000;
/** Each user has two accounts, so that money can be moved at home and to others. */
const ACCOUNTS: readonly (readonly string[])[] = Object.keys(DEMO_USERS).flatMap((user) => [
  [`acc_${user}_current`, user],
  [`acc_${user}_savings`, user],
]);

/** Accounts and the money that moved between them, in cents. */
const TRANSFER_TABLES = `
  CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    balance INTEGER NOT NULL CHECK (balance >= 0)
  ) STRICT;
  CREATE TABLE transfers (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    from_account TEXT NOT NULL REFERENCES accounts (id),
    to_account TEXT NOT NULL REFERENCES accounts (id),
    amount INTEGER NOT NULL CHECK (amount > 0),
    reference TEXT NOT NULL,
    created_at REAL NOT NULL
  ) STRICT;
  INSERT INTO accounts (id, owner, balance) VALUES
    ${ACCOUNTS.map(([id, owner]) => `('${id}', '${owner}', ${OPENING_BALANCE})`).join(', ')};
`;

/** Flights that were booked; no card is kept. */
const BOOKING_TABLES = `
  CREATE TABLE bookings (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    flight TEXT NOT NULL,
    passenger TEXT NOT NULL,
    price INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'undoing', 'failed')),
    error TEXT,
    once_id TEXT,
    created_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX unsettled_bookings ON bookings (n) WHERE status IN ('pending', 'undoing');
`;

/** What was asked for under a key, and the answer; null while it is worked on. */
const ONCE_TABLES = `
  CREATE TABLE once (
    id TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    reply TEXT,
    created_at REAL NOT NULL
  ) STRICT;
`;

/** The log tells of money from its beginning. */
const OPENINGS = ACCOUNTS.map(([id, owner], index) => {
  const n = index + 1;
  return `(${n}, '${eventId(n)}', 'account.opened', '/accounts/${id}', '${owner}', 0, '{"balance":${OPENING_BALANCE}}')`;
});

/** What happened, in the order in which it was kept. Nothing here is ever changed or deleted. */
const EVENT_TABLES = `
  CREATE TABLE events (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    owner TEXT NOT NULL,
    at REAL NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  INSERT INTO events (n, id, type, subject, owner, at, content) VALUES
    ${OPENINGS.join(', ')};
`;

/** All tables of the demo, with what stands in them from the beginning. */
export const TABLES: readonly string[] = [
  REPORT_TABLES,
  FORGOTTEN_TABLES,
  SESSION_TABLES,
  CUSTOMER_TABLES,
  TRANSFER_TABLES,
  BOOKING_TABLES,
  ONCE_TABLES,
  EVENT_TABLES,
];
