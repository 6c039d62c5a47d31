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

/** Trips that were ordered. How each stands is told by its operation alone, so that the two cannot differ. */
const TRIP_TABLES = `
  CREATE TABLE trips (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    operation_id TEXT NOT NULL UNIQUE REFERENCES operations (id),
    caller TEXT NOT NULL,
    flight TEXT NOT NULL,
    passenger TEXT NOT NULL,
    city TEXT NOT NULL,
    nights INTEGER NOT NULL,
    car TEXT NOT NULL,
    price INTEGER NOT NULL,
    created_at REAL NOT NULL
  ) STRICT;
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

/** What the log said of a caller at a place in it. */
const SNAPSHOT_TABLES = `
  CREATE TABLE snapshots (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    caller TEXT NOT NULL,
    place INTEGER NOT NULL,
    created_at REAL NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
`;

/**
 * Who is told of events, and what they are still to be told. A secret is kept as it is, for it signs; a subscription that was
 * deleted keeps its row, so that its number, and with it its id and its secret, never comes again.
 */
const WEBHOOK_TABLES = `
  CREATE TABLE subscriptions (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    url TEXT NOT NULL,
    types TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled', 'deleted')),
    why TEXT,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_until REAL,
    rotations INTEGER NOT NULL DEFAULT 0,
    paused_until REAL NOT NULL DEFAULT 0,
    created_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX active_subscriptions ON subscriptions (owner) WHERE state = 'active';
  CREATE TABLE deliveries (
    subscription TEXT NOT NULL REFERENCES subscriptions (id),
    n INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'exhausted', 'dropped')),
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL,
    leased_until REAL NOT NULL DEFAULT 0,
    last_at REAL,
    last_status INTEGER,
    last_error TEXT,
    PRIMARY KEY (subscription, n)
  ) STRICT;
  CREATE INDEX waiting_deliveries ON deliveries (subscription, n) WHERE state = 'waiting';
  CREATE INDEX leased_deliveries ON deliveries (subscription, leased_until) WHERE state = 'waiting';
`;

/** Payments as the payment service tells of them, all it told, and by what name each of its callbacks came, to tell those that come twice. */
const PAYMENT_TABLES = `
  CREATE TABLE payments (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('authorised', 'captured', 'refunded', 'failed')),
    sequence INTEGER NOT NULL,
    captured INTEGER NOT NULL,
    refunded INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE payment_history (
    n INTEGER PRIMARY KEY,
    payment TEXT NOT NULL REFERENCES payments (id),
    state TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    occurred_at REAL NOT NULL,
    received_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX histories ON payment_history (payment, sequence, n);
  CREATE TABLE received (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL
  ) STRICT;
  CREATE INDEX received_at ON received (at);
`;

/** All tables of the demo, with what stands in them from the beginning. */
export const TABLES: readonly string[] = [
  REPORT_TABLES,
  FORGOTTEN_TABLES,
  SESSION_TABLES,
  CUSTOMER_TABLES,
  TRANSFER_TABLES,
  BOOKING_TABLES,
  TRIP_TABLES,
  ONCE_TABLES,
  EVENT_TABLES,
  SNAPSHOT_TABLES,
  WEBHOOK_TABLES,
  PAYMENT_TABLES,
];
