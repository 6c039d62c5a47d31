import type { EpochMillis } from '../time/index.ts';
import { all, next, one, type Work } from './db.ts';
import { enqueue } from './webhooks/outbox.ts';

/** What may happen. */
export const EVENT_TYPES = [
  'operation.accepted',
  'operation.started',
  'operation.progressed',
  'operation.cancelling',
  'operation.cancelled',
  'operation.succeeded',
  'operation.failed',
  'report.created',
  'customer.created',
  'customer.changed',
  'customer.deleted',
  'account.opened',
  'account.debited',
  'account.credited',
  'booking.confirmed',
  'booking.failed',
  'email.sent',
  'trip.ordered',
  'trip.booked',
  'trip.compensated',
  'payment.authorised',
  'payment.captured',
  'payment.refunded',
  'payment.failed',
  'subscription.created',
  'subscription.rotated',
  'subscription.tested',
  'subscription.disabled',
  'subscription.enabled',
  'subscription.deleted',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

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

/** Which events are wanted; all where it says nothing. */
export interface Filter {
  /** Any of these types; no more than {@link MAX_TYPES}. */
  readonly types?: readonly string[];
  readonly subject?: string;
  /** The place of the last one. */
  readonly to?: number;
}

/** How many types a filter may name. */
export const MAX_TYPES = 20;

/** The events from a place in the log on that a caller may know of, oldest first. */
export function* eventsFrom(n: number, caller: string, limit: number, filter: Filter = {}): Work<readonly LoggedEvent[]> {
  const { types = [], subject, to } = filter;
  const sql = `SELECT n, id, type, subject, owner, at, content FROM events WHERE n >= ? AND owner IN ('', ?)
    ${types.length === 0 ? '' : `AND type IN (${types.map(() => '?').join(', ')})`}
    ${subject === undefined ? '' : 'AND subject = ?'} ${to === undefined ? '' : 'AND n <= ?'} ORDER BY n LIMIT ?`;
  const values = [...types, ...[subject, to].filter((value) => value !== undefined)];
  const rows = yield* all<EventRow>(sql, n, caller, ...values, limit);
  return rows.map(({ content, ...row }) => ({ ...row, data: JSON.parse(content) as LoggedEvent['data'] }));
}

/** The place of the newest event; 0 where there is none. */
export function* newest(): Work<number> {
  return (yield* next('events')) - 1;
}

/** The place of the first event of a moment or later; the one behind the newest where there is none. */
export function* placeSince(moment: EpochMillis): Work<number> {
  const found = yield* one<{ n: number | null }>('SELECT min(n) AS n FROM events WHERE at >= ?', moment);
  return found?.n ?? (yield* next('events'));
}

/** The place of the last event of a moment or earlier; 0 where there is none. */
export function* placeUntil(moment: EpochMillis): Work<number> {
  const found = yield* one<{ n: number | null }>('SELECT min(n) - 1 AS n FROM events WHERE at > ?', moment);
  return found?.n ?? (yield* newest());
}

/** The place that an id names; undefined for what is no id. */
export function placeOf(id: string): number | undefined {
  const [, digits] = /^evt_(\d{8,15})$/.exec(id) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** The moment that a text of RFC 3339 tells, in whichever time zone; undefined for any other text. */
export function momentOf(text: string): EpochMillis | undefined {
  const [, date, zone] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)$/i.exec(text) ?? [];
  const moment = date === undefined ? Number.NaN : Date.parse(`${date}${zone}`.toUpperCase());
  return Number.isNaN(moment) ? undefined : moment;
}

/** What a client is told about an event. */
export function tellEvent({ n, id, type, subject, at, data }: LoggedEvent): object {
  return { n, id, type, subject, at: new Date(at).toISOString(), data };
}
