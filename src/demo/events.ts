import type { EpochMillis } from '../time/index.ts';
import { all, next, type Work } from './db.ts';
import { enqueue } from './webhooks/outbox.ts';

/** What may happen. */
export type EventType =
  | 'operation.accepted'
  | 'operation.started'
  | 'operation.progressed'
  | 'operation.cancelling'
  | 'operation.cancelled'
  | 'operation.succeeded'
  | 'operation.failed'
  | 'report.created'
  | 'customer.created'
  | 'customer.changed'
  | 'customer.deleted'
  | 'account.opened'
  | 'account.debited'
  | 'account.credited'
  | 'booking.confirmed'
  | 'booking.failed'
  | 'payment.authorised'
  | 'payment.captured'
  | 'payment.refunded'
  | 'payment.failed'
  | 'subscription.created'
  | 'subscription.rotated'
  | 'subscription.tested'
  | 'subscription.disabled'
  | 'subscription.enabled'
  | 'subscription.deleted';

/** Something that happened. */
export interface Happening {
  readonly type: EventType;
  /** The path of what it happened to. */
  readonly subject: string;
  /** Who may know of it; empty for everybody. */
  readonly owner: string;
  /** What whoever folds the log needs to know, and no secret. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Something that happened, as the log keeps it. */
export interface LoggedEvent extends Happening {
  /** Its place in the log, counted from 1 without gaps. */
  readonly n: number;
  readonly id: string;
  readonly at: EpochMillis;
}

/** The id of the nth event. */
export function eventId(n: number): string {
  return `evt_${String(n).padStart(8, '0')}`;
}

/** Adds to the log what a transaction does, and to the outbox whom to tell, as part of it: there is never the one without the others. */
export function* record(happening: Happening, at: EpochMillis): Work<LoggedEvent> {
  const n = yield* next('events');
  const id = eventId(n);
  const { type, subject, owner, data } = happening;
  const sql = 'INSERT INTO events (n, id, type, subject, owner, at, content) VALUES (?, ?, ?, ?, ?, ?, ?)';
  yield* all(sql, n, id, type, subject, owner, at, JSON.stringify(data));
  const event = { ...happening, n, id, at };
  yield* enqueue(event);
  return event;
}

interface EventRow {
  readonly n: number;
  readonly id: string;
  readonly type: EventType;
  readonly subject: string;
  readonly owner: string;
  readonly at: number;
  readonly content: string;
}

/** The events from a place in the log on that a caller may know of, oldest first. */
export function* eventsFrom(n: number, caller: string, limit: number): Work<readonly LoggedEvent[]> {
  const sql = "SELECT n, id, type, subject, owner, at, content FROM events WHERE n >= ? AND owner IN ('', ?) ORDER BY n LIMIT ?";
  return (yield* all<EventRow>(sql, n, caller, limit)).map(({ content, ...row }) => ({
    ...row,
    data: JSON.parse(content) as LoggedEvent['data'],
  }));
}
