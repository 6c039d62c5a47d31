import { show } from '../../errors.ts';
import { isRefusal, parseJson, readBytes } from '../body.ts';
import { all, next, one, type Work } from '../db.ts';
import { momentOf, record } from '../events.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { timestamp, type Answer, type Routes, type World } from '../route.ts';

/** How far a payment is: captured after it was authorised, refunded after it was captured, or failed. */
type PaymentState = 'authorised' | 'captured' | 'refunded' | 'failed';

/** How many callbacks of a payment are told. */
const TOLD_HISTORY = 100;
/** The most that one callback tells of, in cents. */
const MAX_AMOUNT = 100_000_000;
const MAX_SEQUENCE = 1_000_000_000;

interface Payment {
  readonly id: string;
  readonly state: PaymentState;
  /** The number of the callback that the state is of. */
  readonly sequence: number;
  readonly captured: number;
  readonly refunded: number;
}

interface Callback {
  readonly payment: string;
  readonly state: PaymentState;
  readonly sequence: number;
  readonly amount: number;
  readonly occurredAt: number;
}

/**
 * Payments, as the payment service tells of them by callback: signed (Standard Webhooks 1.0.0), at least once, in any order, and
 * maybe before it has answered the call that made them.
 */
export function paymentRoutes({ clock, db, parts, answers }: World, secret: string): Routes {
  const { json, refuse, empty } = answers;
  const { callbacks } = parts;

  /** Whose booking it pays for; one that no booking knows is everybody's. */
  function* ownerOf(payment: string): Work<string> {
    const of = payment.replace(/\.payment$/, '');
    const sql = 'SELECT caller FROM bookings WHERE id = ? UNION ALL SELECT caller FROM trips WHERE id = ?';
    const paid = yield* one<{ caller: string }>(sql, of, of);
    return paid?.caller ?? '';
  }

  function* book({ payment, state, sequence, amount, occurredAt }: Callback): Work<void> {
    const now = clock.wall();
    const captured = state === 'captured' ? amount : 0;
    const refunded = state === 'refunded' ? amount : 0;
    const open = `INSERT INTO payments (id, state, sequence, captured, refunded) VALUES (?, ?, ?, 0, 0) ON CONFLICT (id) DO NOTHING`;
    yield* all(open, payment, state, sequence);
    const sum = `UPDATE payments SET captured = captured + ?, refunded = refunded + ? WHERE id = ?
      RETURNING id, state, sequence, captured, refunded`;
    const known = (yield* one<Payment>(sum, captured, refunded, payment))!;
    // What is late is booked, and moves nothing back.
    const newer = callbacks.isNewer(sequence, known.sequence);
    if (newer) yield* all('UPDATE payments SET state = ?, sequence = ? WHERE id = ?', state, sequence, payment);
    const n = yield* next('payment_history');
    const line = `INSERT INTO payment_history (n, payment, state, sequence, amount, occurred_at, received_at)
      VALUES (?, ?, ?, ?, ?, ?, ?)`;
    yield* all(line, n, payment, state, sequence, amount, occurredAt, now);
    const data = { sequence, amount, state: newer ? state : known.state };
    yield* record({ type: `payment.${state}`, subject: `/payments/${payment}`, owner: yield* ownerOf(payment), data }, now);
  }

  const take: Answer = async (request, { id }) => {
    if (id !== 'payments') return refuse(problem('not-found', `nobody calls back to ${show(id, 200)}`));
    const body = await readBytes(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const { headers } = request;
    const name = headers.get('webhook-id');
    const fields = { id: name, timestamp: headers.get('webhook-timestamp'), signature: headers.get('webhook-signature') };
    const bytes = body.bytes ?? new Uint8Array();
    // Before anything is read of it.
    const wrong = callbacks.verify({ ...fields, body: bytes }, secret, clock.wall());
    if (wrong !== undefined) return refuse(problem('not-authentic', wrong), { 'www-authenticate': 'Webhook-Signature' });
    const parsed = parseJson(request, body.bytes);
    if (isRefusal(parsed)) return refuse(parsed.refusal, parsed.headers);
    const callback = readCallback(parsed.json);
    if (isProblem(callback)) return refuse(callback);
    await callbacks.receive(db, name ?? '', clock.wall(), () => book(callback));
    return empty(204);
  };

  const look: Answer = async (_request, { id, caller }) => {
    const found = await db.single(function* () {
      const payment = yield* one<Payment>('SELECT id, state, sequence, captured, refunded FROM payments WHERE id = ?', id);
      const owner = yield* ownerOf(id);
      if (payment === undefined || (owner !== '' && owner !== caller?.user)) return undefined;
      const sql = `SELECT state, sequence, amount, occurred_at, received_at FROM payment_history WHERE payment = ?
        ORDER BY sequence, n LIMIT ?`;
      return { payment, history: yield* all<HistoryRow>(sql, id, TOLD_HISTORY) };
    });
    if (found === undefined) return refuse(problem('not-found', `there is no payment ${show(id, 200)}`));
    const history = found.history.map(({ occurred_at, received_at, ...line }) => ({
      ...line,
      occurredAt: timestamp(occurred_at),
      receivedAt: timestamp(received_at),
    }));
    return json(200, { ...found.payment, history }, { 'cache-control': 'no-cache' });
  };

  return { '/callbacks/': { POST: take }, '/payments/': { GET: look } };
}

interface HistoryRow {
  readonly state: PaymentState;
  readonly sequence: number;
  readonly amount: number;
  readonly occurred_at: number;
  readonly received_at: number;
}

const STATES: readonly string[] = ['authorised', 'captured', 'refunded', 'failed'] satisfies PaymentState[];

/** Reads what a callback tells. Members that nobody knows are left alone: a service may come to tell more. */
function readCallback(json: unknown): Callback | Problem {
  const { type, timestamp: moment, data } = membersOf(json);
  const { payment, sequence, amount = 0 } = membersOf(data);
  const state = typeof type === 'string' && type.startsWith('payment.') ? type.slice('payment.'.length) : '';
  const occurredAt = typeof moment === 'string' ? momentOf(moment) : undefined;
  const errors: { pointer: string; detail: string }[] = [];
  const check = (right: boolean, pointer: string, expected: string, value: unknown): void => {
    if (right) return;
    errors.push({ pointer, detail: `expected ${expected}, received ${value === undefined ? 'nothing' : show(value)}` });
  };
  check(STATES.includes(state), '#/type', `one of ${STATES.map((one) => `payment.${one}`).join(', ')}`, type);
  check(occurredAt !== undefined, '#/timestamp', 'a moment as RFC 3339 writes it', moment);
  const named = typeof payment === 'string' && /^[\w.~-]{1,200}$/.test(payment);
  check(named, '#/data/payment', 'the id of a payment', payment);
  const whole = (value: unknown, min: number, max: number): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
  check(whole(sequence, 1, MAX_SEQUENCE), '#/data/sequence', `a whole number from 1 to ${MAX_SEQUENCE}`, sequence);
  check(whole(amount, 0, MAX_AMOUNT), '#/data/amount', `whole cents from 0 to ${MAX_AMOUNT}`, amount);
  if (errors.length > 0) return problem('invalid-callback', 'it tells nothing that can be booked', errors);
  return {
    payment: payment as string,
    state: state as PaymentState,
    sequence: sequence as number,
    amount: amount as number,
    occurredAt: occurredAt!,
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
