import type { EpochMillis, Millis } from '../../time/index.ts';
import { all, one, type Work } from '../db.ts';

/** How long a delivery is one sender's, in milliseconds: longer than an attempt takes. */
export const LEASE_MS: Millis = 30_000;
/** How many waiting deliveries of a subscription are looked at to find the next. */
const WINDOW = 100;
/** How long a secret that was replaced still signs, in milliseconds. */
export const ROTATION_MS: Millis = 86_400_000;

/** How far a delivery is; dropped are those that waited when their subscription was disabled, and those that were answered 410. */
export type DeliveryState = 'waiting' | 'delivered' | 'exhausted' | 'dropped';

/** Who is told of events, as it is kept. */
export interface Subscription {
  readonly n: number;
  readonly id: string;
  readonly owner: string;
  readonly url: string;
  /** Each with a space on both sides; `*` for all. */
  readonly types: string;
  readonly description: string;
  readonly state: 'active' | 'disabled' | 'deleted';
  /** Why it was disabled. */
  readonly why: string | null;
  readonly secret: string;
  /** The secret before, and until when it signs too. */
  readonly old_secret: string | null;
  readonly old_until: number | null;
  readonly rotations: number;
  /** Nothing is sent before: its receiver asked for it. */
  readonly paused_until: number;
  readonly created_at: number;
}

export const SUBSCRIPTION_COLUMNS =
  'n, id, owner, url, types, description, state, why, secret, old_secret, old_until, rotations, paused_until, created_at';

/** An event on its way to a subscription. */
export interface Outgoing {
  readonly subscription: string;
  /** The place of the event in the log. */
  readonly n: number;
  /** The id of the event, and of the delivery. */
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** The body that is sent, byte for byte the same on each attempt. */
  readonly content: string;
  readonly state: DeliveryState;
  /** How often it was taken up: a sender may note only while this is still its own number. */
  readonly attempt: number;
  /** How often it failed since it was sent off or ordered again. */
  readonly failures: number;
  readonly due_at: number;
  readonly leased_until: number;
  readonly last_at: number | null;
  readonly last_status: number | null;
  readonly last_error: string | null;
}

export const DELIVERY_COLUMNS =
  'subscription, n, id, type, subject, content, state, attempt, failures, due_at, leased_until, last_at, last_status, last_error';

/** A delivery that waits, as much of it as decides which is the next. */
export type Waiting = Pick<Outgoing, 'n' | 'subject' | 'due_at'>;

/** A delivery that was taken up, with whom it goes to. */
export interface Claimed {
  readonly delivery: Outgoing;
  readonly to: Subscription;
}

/** An event of the log, as much of it as is told. */
interface Told {
  readonly n: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly owner: string;
  readonly at: EpochMillis;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a receiver is told of an event (Standard Webhooks 1.0.0, payload). */
function bodyOf({ type, subject, at, data }: Told): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data: { subject, ...data } });
}

/** Puts an event into the outbox, once for each of its owner's subscriptions that ask for it, in the transaction that logs it. */
export function* enqueue(event: Told): Work<void> {
  const { n, id, type, subject, owner, at } = event;
  // Guests cannot subscribe.
  if (owner === '') return;
  const sql = `INSERT INTO deliveries (subscription, n, id, type, subject, content, due_at)
    SELECT id, ?, ?, ?, ?, ?, ? FROM subscriptions WHERE owner = ? AND state = 'active' AND (types = ' * ' OR types LIKE ?)
    ON CONFLICT (subscription, n) DO NOTHING`;
  yield* all(sql, n, id, type, subject, bodyOf(event), at, owner, `% ${type} %`);
}

/** Puts an event into the outbox for one subscription, whatever that asks for. */
export function* enqueueFor(subscription: string, event: Told): Work<void> {
  const { n, id, type, subject, at } = event;
  const sql = `INSERT INTO deliveries (subscription, n, id, type, subject, content, due_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (subscription, n) DO NOTHING`;
  yield* all(sql, subscription, n, id, type, subject, bodyOf(event), at);
}

/** What is to be done for a subscription. */
export interface Outlook {
  readonly subscription: string;
  /** The place in the log of what is to be sent now; undefined when there is nothing. */
  readonly due: number | undefined;
  /** When there will be something else to send; undefined when nothing waits. */
  readonly next: EpochMillis | undefined;
}

/** Chooses what is sent next, of what waits, oldest first. */
export type Choice = (waiting: readonly Waiting[], now: EpochMillis) => Waiting | undefined;

/** Looks at all active subscriptions, and changes nothing. */
export function* survey(pick: Choice, now: EpochMillis): Work<readonly Outlook[]> {
  const sql = "SELECT id, paused_until FROM subscriptions WHERE state = 'active' ORDER BY n";
  const outlooks: Outlook[] = [];
  for (const { id, paused_until } of yield* all<Pick<Subscription, 'id' | 'paused_until'>>(sql)) {
    const busy = Math.max(paused_until, yield* leasedUntil(id));
    const waiting = yield* waitingOf(id);
    const due = busy <= now ? pick(waiting, now)?.n : undefined;
    const moments = waiting.map(({ due_at }) => Math.max(due_at, busy)).filter((moment) => moment > now);
    outlooks.push({ subscription: id, due, next: moments.length === 0 ? undefined : Math.min(...moments) });
  }
  return outlooks;
}

/**
 * Takes up the next delivery of a subscription, for a time: one at a time, so that its receiver is told in the order of the log. When
 * the one who took it up dies, another takes it up after that time.
 *
 * @returns undefined when there is nothing to send now, or another is sending
 */
export function* claim(subscription: string, pick: Choice, now: EpochMillis): Work<Claimed | undefined> {
  // Written, to be locked: of two who would send, the second waits here and then sees what the first has taken up.
  const lock = `UPDATE subscriptions SET state = state WHERE id = ? AND state = 'active' AND paused_until <= ?
    RETURNING ${SUBSCRIPTION_COLUMNS}`;
  const to = yield* one<Subscription>(lock, subscription, now);
  if (to === undefined || (yield* leasedUntil(subscription)) > now) return undefined;
  const picked = pick(yield* waitingOf(subscription), now);
  if (picked === undefined) return undefined;
  const sql = `UPDATE deliveries SET attempt = attempt + 1, leased_until = ? WHERE subscription = ? AND n = ? AND state = 'waiting'
    RETURNING ${DELIVERY_COLUMNS}`;
  const delivery = yield* one<Outgoing>(sql, now + LEASE_MS, subscription, picked.n);
  return delivery === undefined ? undefined : { delivery, to };
}

function* waitingOf(subscription: string): Work<readonly Waiting[]> {
  const sql = "SELECT n, subject, due_at FROM deliveries WHERE subscription = ? AND state = 'waiting' ORDER BY n LIMIT ?";
  return yield* all<Waiting>(sql, subscription, WINDOW);
}

function* leasedUntil(subscription: string): Work<EpochMillis> {
  const sql = "SELECT coalesce(max(leased_until), 0) AS moment FROM deliveries WHERE subscription = ? AND state = 'waiting'";
  return (yield* one<{ moment: EpochMillis }>(sql, subscription))!.moment;
}

/** What came of an attempt. */
export interface Outcome {
  readonly at: EpochMillis;
  /** The status of the answer; null when there was none, and then `error` says why. */
  readonly status: number | null;
  readonly error: string | null;
  readonly state: DeliveryState;
  /** When it is sent again, while it waits. */
  readonly dueAt: EpochMillis;
  /** Until when nothing at all is to be sent to this receiver. */
  readonly pausedUntil: EpochMillis;
}

/** Notes what came of an attempt, and lets go of it; false when it is no longer this sender's. */
export function* note({ delivery, to }: Claimed, outcome: Outcome): Work<boolean> {
  const { subscription, n, attempt } = delivery;
  const { at, status, error, state, dueAt, pausedUntil } = outcome;
  const sql = `UPDATE deliveries SET state = ?, failures = failures + ?, due_at = ?, leased_until = 0, last_at = ?, last_status = ?,
    last_error = ? WHERE subscription = ? AND n = ? AND attempt = ? AND state = 'waiting' RETURNING n`;
  const failed = state === 'delivered' ? 0 : 1;
  if ((yield* one(sql, state, failed, dueAt, at, status, error, subscription, n, attempt)) === undefined) return false;
  if (pausedUntil > to.paused_until) yield* all('UPDATE subscriptions SET paused_until = ? WHERE id = ?', pausedUntil, to.id);
  return true;
}

/** Lets go of everything that anybody had taken up. */
export function* releaseAll(): Work<void> {
  yield* all("UPDATE deliveries SET leased_until = 0 WHERE state = 'waiting' AND leased_until > 0");
}

/** Lets go of a delivery that was not sent to its end: it is sent again. */
export function* release({ delivery: { subscription, n, attempt } }: Claimed): Work<void> {
  const sql = "UPDATE deliveries SET leased_until = 0 WHERE subscription = ? AND n = ? AND attempt = ? AND state = 'waiting'";
  yield* all(sql, subscription, n, attempt);
}

/** Disables a subscription, with all that still waits for it; false when it was not active. */
export function* disable(id: string, why: string): Work<boolean> {
  const sql = "UPDATE subscriptions SET state = 'disabled', why = ? WHERE id = ? AND state = 'active' RETURNING id";
  if ((yield* one(sql, why, id)) === undefined) return false;
  yield* all("UPDATE deliveries SET state = 'dropped', leased_until = 0 WHERE subscription = ? AND state = 'waiting'", id);
  return true;
}
