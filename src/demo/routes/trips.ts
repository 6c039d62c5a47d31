import { show } from '../../errors.ts';
import { seeded, type Millis } from '../../time/index.ts';
import { eitherOf } from '../abort.ts';
import { accept } from '../accept.ts';
import { isRefusal, readJson } from '../body.ts';
import { all, next, one, type Work } from '../db.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { record } from '../events.ts';
import { CARD, field, FLIGHT, readFields, text, wholeNumber } from '../fields.ts';
import { tripOf, tripSteps, type TripOrder } from '../kinds/trip.ts';
import { keyOf, known, respond } from '../once.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, timestamp, type Routes, type World } from '../route.ts';
import { CALL_TIMEOUT_MS, send } from '../saga.ts';
import { CAR_CLASSES } from '../services/index.ts';
import type { Operation, OperationStatus } from '../store.ts';

/** How long a trip is thought to take, in milliseconds. */
const TRIP_WORK_MS: Millis = 1_300;
/** How many trips the collection lists. */
const LISTED_TRIPS = 100;
/** How many nights a trip may last. */
const MAX_NIGHTS = 90;

const FIELDS = {
  flight: FLIGHT,
  city: text(1, 100),
  nights: wholeNumber(1, MAX_NIGHTS),
  car: field(`one of ${CAR_CLASSES.join(', ')}`, (value) => CAR_CLASSES.find((one) => one === value)),
  passenger: text(1, 200),
  card: CARD,
};

interface TripRow extends Omit<TripOrder, 'token'> {
  readonly id: string;
  readonly operation_id: string;
  readonly created_at: number;
  /** Of its operation. */
  readonly status: OperationStatus;
  readonly noted: string | null;
  readonly error: string | null;
}

const SELECT = `SELECT trips.id, operation_id, flight, passenger, city, nights, car, price, trips.created_at, status, noted, error
  FROM trips JOIN operations ON operations.id = operation_id WHERE caller = ?`;

/** How a trip stands, by how its operation does. */
const STANDS: Readonly<Record<OperationStatus, string>> = {
  queued: 'pending',
  running: 'pending',
  cancelling: 'cancelling',
  succeeded: 'booked',
  failed: 'failed',
  cancelled: 'cancelled',
};

/**
 * `POST /trips`: accepted now, booked later. The card goes to the payment service before the trip is accepted, and what is kept is
 * the token that it gives: whoever works on the trip, after a crash or an hour, can pay with it, and nobody can read a card. A token
 * charges nobody, so that one whose trip was never accepted need not be undone. The trip is kept with its operation in one
 * transaction: its owner sees it from then on, whatever becomes of it.
 */
export function tripRoutes(world: World): Routes {
  const { clock, db, parts, answers, leaving, dialect } = world;
  const told = (row: TripRow): object => tellTrip(row, dialect);
  const { json, refuse } = answers;

  const order = needsCaller(answers, async (request, { signal }, { user }) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-trip', 'a trip');
    if (isProblem(given)) return refuse(given);
    const keyed = keyOf(request, parts, user, given);
    if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
    // What was accepted is told again though the payment service is down.
    const before = keyed === undefined ? undefined : await db.transact(() => known(keyed, parts, clock.wall()));
    if (before !== undefined) return respond(answers, { told: before, fresh: false }, parts);
    const token = await tokenFor(given.card, signal);
    if (typeof token !== 'string') return refuse(token);
    const { card: _secret, ...trip } = given;
    const kept: TripOrder = { ...trip, token, price: priceOf(trip) };
    const alongside = (operation: Operation): Work<void> => keep(operation, kept);
    return accept(world, request, signal, { kind: 'trip', order: kept, owner: user }, TRIP_WORK_MS, { asked: given, alongside });
  });

  const tokenFor = async (card: string, signal: AbortSignal): Promise<string | Problem> => {
    const either = eitherOf([signal, leaving]);
    const sent = send(parts, 'payment', 'POST', 'tokens', { card }, CALL_TIMEOUT_MS, either.signal);
    const { failure, answer } = await sent.finally(() => either.done());
    if (failure !== undefined) return leaving.aborted ? problem('closing', 'the trip was not accepted') : failure;
    const { token } = answer as { token?: unknown };
    return typeof token === 'string' ? token : problem('service-failed', 'payment gave no token');
  };

  function* keep(operation: Operation, { flight, passenger, city, nights, car, price }: TripOrder): Work<void> {
    const { owner, createdAt } = operation;
    const id = tripOf(operation);
    const sql = `INSERT INTO trips (n, id, operation_id, caller, flight, passenger, city, nights, car, price, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
    const n = yield* next('trips');
    yield* all(sql, n, id, operation.id, owner, flight, passenger, city, nights, car, price, createdAt);
    const data = { flight, city, nights, car, price, operation: `/operations/${operation.id}` };
    yield* record({ type: 'trip.ordered', subject: `/trips/${id}`, owner, data }, createdAt);
  }

  const list = needsCaller(answers, async (_request, _asked, { user }) => {
    const found = await db.single(() => all<TripRow>(`${SELECT} ORDER BY trips.n DESC LIMIT ?`, user, LISTED_TRIPS));
    return json(200, { trips: found.map(told) }, { 'cache-control': 'no-cache' });
  });

  const read = needsCaller(answers, async (_request, { id }, { user }) => {
    const found = await db.single(() => one<TripRow>(`${SELECT} AND trips.id = ?`, user, id));
    if (found === undefined) return refuse(problem('not-found', `there is no trip ${show(id)}`));
    return json(200, told(found), { 'cache-control': 'no-cache' });
  });

  return { '/trips': { GET: list, POST: order }, '/trips/': { GET: read } };
}

function tellTrip(row: TripRow, { place }: Dialect): object {
  const { id, operation_id: operation, flight, passenger, city, nights, car, price, status, noted, error } = row;
  return {
    id,
    status: STANDS[status],
    operation: `${place}${operation}`,
    flight,
    city,
    nights,
    car,
    passenger,
    price,
    steps: tripSteps(noted === null ? undefined : JSON.parse(noted)),
    createdAt: timestamp(row.created_at),
    ...(error === null ? {} : { error: JSON.parse(error) as Problem }),
  };
}

/** In cents: the seat once, and room and car for each night. */
function priceOf({ flight, city, nights, car }: Pick<TripOrder, 'flight' | 'city' | 'nights' | 'car'>): number {
  const each = seeded(`room/${city}`).int(6_000, 30_000) + seeded(`car/${car}`).int(2_000, 9_000);
  return seeded(flight).int(5_000, 40_000) + nights * each;
}
