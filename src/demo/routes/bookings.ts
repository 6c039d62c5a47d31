import { show } from '../../errors.ts';
import { seeded, type Millis } from '../../time/index.ts';
import { eitherOf } from '../abort.ts';
import type { Reply } from '../answers.ts';
import { isRefusal, readJson } from '../body.ts';
import { all, next, one } from '../db.ts';
import { record } from '../events.ts';
import { CARD, FLIGHT, readFields, text } from '../fields.ts';
import { fail, keyOf, known, remember, respond, settle } from '../once.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, timestamp, type Background, type Routes, type World } from '../route.ts';
import { take, undo, waitAfter } from '../saga.ts';
import { TIME_LEFT, type Step } from '../services/service.ts';

/** How long a booking may take in all, in milliseconds, unless the client has less time. */
export const BOOKING_BUDGET_MS: Millis = 10_000;
/**
 * How much older than its budget an unfinished booking must be, where other processes work on the same store, until it is taken to be
 * nobody's, in milliseconds: their clocks may differ, and their store may be slow.
 */
const ABANDONED_AFTER_MS: Millis = 20_000;
/** How often such bookings are looked for, in milliseconds. */
const SWEEP_EVERY_MS: Millis = 10_000;
/** How many bookings the collection lists. */
const LISTED_BOOKINGS = 100;

interface Booking {
  readonly id: string;
  readonly caller: string;
  readonly flight: string;
  readonly passenger: string;
  readonly price: number;
  readonly status: 'pending' | 'confirmed' | 'undoing' | 'failed';
  readonly error: string | null;
  readonly created_at: number;
  /** The idempotency key that it was ordered under. */
  readonly once_id: string | null;
}

const COLUMNS = 'id, caller, flight, passenger, price, status, error, created_at, once_id';
const FIELDS = { flight: FLIGHT, passenger: text(1, 200), card: CARD };

/** Bookings, and what goes on after those whose steps could not be undone at once. */
export interface Bookings extends Background {
  readonly routes: Routes;
}

/**
 * `POST /bookings`: long, but synchronous. It charges the card, reserves the seat and issues the ticket, each a call to another
 * service, all within one budget of time that is passed on to each. When one fails, those before it and itself (for it may have been
 * done, and only its answer lost) are undone, the last first, before the client is told. A client that hangs up has booked
 * nothing.
 */
export function bookings(world: World): Bookings {
  const { clock, db, parts, answers, naps, closing, leaving, onError } = world;
  const { json, refuse } = answers;
  const going = new Set<Promise<void>>();
  /** The bookings that this process makes, and those that it undoes in the background. */
  const making = new Set<string>();
  const insisting = new Set<string>();
  const told = (booking: Booking): object => ({
    id: booking.id,
    flight: booking.flight,
    passenger: booking.passenger,
    price: booking.price,
    status: booking.status,
    createdAt: timestamp(booking.created_at),
    ...(booking.error === null ? {} : { error: JSON.parse(booking.error) as Problem }),
  });

  /** What a booking is made of; the card is not kept, nor needed to undo. */
  const stepsOf = ({ id, flight, passenger, price }: Booking, card = ''): readonly Step[] => [
    { service: 'payment', key: `${id}.payment`, body: { card, amount: price } },
    { service: 'seat', key: `${id}.seat`, body: { flight, passenger } },
    { service: 'ticket', key: `${id}.ticket`, body: { flight, passenger } },
  ];

  /** Moves a booking on; what it was ordered under is settled by its end, in the same transaction. */
  const move = (id: string, from: Booking['status'], to: Booking['status'], error?: Problem): Promise<Booking | undefined> =>
    db.transact(function* () {
      const sql = `UPDATE bookings SET status = ?, error = coalesce(?, error) WHERE id = ? AND status = ? RETURNING ${COLUMNS}`;
      const booking = yield* one<Booking>(sql, to, error === undefined ? null : JSON.stringify(error), id, from);
      if (booking === undefined) return booking;
      if (to === 'confirmed' || to === 'failed') {
        const { flight, price } = booking;
        const why = booking.error === null ? {} : { error: JSON.parse(booking.error) as Problem };
        const data = { flight, price, ...why };
        yield* record({ type: `booking.${to}`, subject: `/bookings/${id}`, owner: booking.caller, data }, clock.wall());
      }
      if (booking.once_id === null) return booking;
      if (to === 'confirmed') yield* settle(booking.once_id, replyOf(booking), parts);
      if (to === 'failed') yield* fail(booking.once_id, JSON.parse(booking.error!) as Problem, parts);
      return booking;
    });
  const replyOf = (booking: Booking): Reply => ({
    status: 201,
    body: told(booking),
    headers: { location: `/bookings/${booking.id}` },
  });

  /** Tries once; what could not be undone is tried again, in the background, until it is. */
  const giveUp = async (booking: Booking, steps: readonly Step[], failure: Problem): Promise<void> => {
    // Unless another process, which knew more, has ended it.
    if (booking.status === 'pending' && (await move(booking.id, 'pending', 'undoing', failure)) === undefined) return;
    if ((await undo(parts, steps)) === undefined) await move(booking.id, 'undoing', 'failed');
    else insist(booking.id, steps);
  };

  const insist = (id: string, steps: readonly Step[]): void => {
    insisting.add(id);
    const run = (async () => {
      for (let tries = 1; !closing(); tries++) {
        if (!(await naps.take(waitAfter(tries), `undo/${id}`)) || closing()) return;
        try {
          if ((await undo(parts, steps)) !== undefined) continue;
          await move(id, 'undoing', 'failed');
          return;
        } catch (error) {
          // The store failed: what it does not know to be undone is undone again.
          onError(error);
        }
      }
    })().finally(() => {
      insisting.delete(id);
      going.delete(run);
    });
    going.add(run);
  };

  /** Gives up what nobody is at work on. To undo is to say that it shall not be: that two say so does no harm. */
  const sweep = async (): Promise<void> => {
    const before = db.alone ? Number.MAX_SAFE_INTEGER : clock.wall() - BOOKING_BUDGET_MS - ABANDONED_AFTER_MS;
    const sql = `SELECT ${COLUMNS} FROM bookings WHERE status IN ('pending', 'undoing') AND created_at <= ? ORDER BY n`;
    for (const booking of await db.single(() => all<Booking>(sql, before))) {
      if (closing()) return;
      if (!making.has(booking.id) && !insisting.has(booking.id))
        await giveUp(booking, stepsOf(booking), problem('interrupted', 'the server stopped in the middle of it'));
    }
  };

  const book = needsCaller(answers, async (request, { signal }, { user }) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-booking', 'a booking');
    if (isProblem(given)) return refuse(given);
    const wish = request.headers.get(TIME_LEFT);
    if (wish !== null && !/^\d{1,9}$/.test(wish))
      return refuse(problem('invalid-request', `${TIME_LEFT}: expected whole milliseconds, received ${show(wish)}`));
    const deadline = clock.now() + Math.min(BOOKING_BUDGET_MS, wish === null ? BOOKING_BUDGET_MS : Number(wish));
    const { flight, passenger, card } = given;
    const price = seeded(flight).int(5_000, 40_000);
    const keyed = keyOf(request, parts, user, given);
    if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
    const begun = await db.transact(function* () {
      const before = keyed === undefined ? undefined : yield* known(keyed, parts, clock.wall());
      if (before !== undefined) return { before };
      if (keyed !== undefined) yield* remember(keyed, undefined, parts, clock.wall());
      const n = yield* next('bookings');
      const id = `bkg_${parts.random.fork(`bkg/${n}`).hex(8)}`;
      const sql = `INSERT INTO bookings (n, id, caller, flight, passenger, price, status, created_at, once_id)
        VALUES (?, ?, ?, ?, ?, ?, 'pending', ?, ?) RETURNING ${COLUMNS}`;
      const row = yield* one<Booking>(sql, n, id, user, flight, passenger, price, clock.wall(), keyed?.id ?? null);
      return { booking: row! };
    });
    if ('before' in begun) return respond(answers, { told: begun.before, fresh: false }, parts);
    const { booking } = begun;
    making.add(booking.id);
    const steps = stepsOf(booking, card);
    // It goes on when the client hangs up: somebody must undo what was begun.
    const work = (async (): Promise<Response> => {
      const either = eitherOf([signal, leaving]);
      const { failure, begun: tried, done } = await take(parts, steps, deadline, either.signal).finally(() => either.done());
      const left = leaving.aborted
        ? problem('closing', 'the booking was not finished')
        : problem('hung-up', 'the client has gone');
      const gone = either.signal.aborted ? left : failure;
      if (gone === undefined) {
        const confirmed = await move(booking.id, 'pending', 'confirmed');
        // It took so long that another process has given it up.
        if (confirmed === undefined) return refuse(problem('interrupted', 'it was taken for abandoned, and is undone'));
        return respond(answers, { told: replyOf(confirmed), fresh: true }, parts);
      }
      await giveUp(booking, steps.slice(0, parts.toUndo(tried, done)), gone);
      return refuse(gone);
    })();
    const end = (): void => {
      going.delete(run);
      making.delete(booking.id);
    };
    const run: Promise<void> = work.then(end, end);
    going.add(run);
    return work;
  });

  const list = needsCaller(answers, async (_request, _asked, { user }) => {
    const sql = `SELECT ${COLUMNS} FROM bookings WHERE caller = ? ORDER BY n DESC LIMIT ?`;
    const found = await db.single(() => all<Booking>(sql, user, LISTED_BOOKINGS));
    return json(200, { bookings: found.map(told) }, { 'cache-control': 'no-cache' });
  });

  const read = needsCaller(answers, async (_request, { id }, { user }) => {
    const found = await db.single(() => one<Booking>(`SELECT ${COLUMNS} FROM bookings WHERE id = ? AND caller = ?`, id, user));
    return found === undefined ? refuse(problem('not-found', `there is no booking ${show(id)}`)) : json(200, told(found));
  });

  return {
    routes: { '/bookings': { GET: list, POST: book }, '/bookings/': { GET: read } },
    start() {
      const run = (async () => {
        // What is left behind a fault is found at the next sweep, or the next start.
        do await sweep().catch(onError);
        while (!db.alone && !closing() && (await naps.take(SWEEP_EVERY_MS, 'bookings')));
      })().finally(() => going.delete(run));
      going.add(run);
    },
    stop: async () => {
      await Promise.all(going);
    },
  };
}
