import { show } from '../../errors.ts';
import { isRefusal, readJson } from '../body.ts';
import { all, next, one, type Work } from '../db.ts';
import { EVENT_TYPES, record, type EventType } from '../events.ts';
import { field, readFields, text } from '../fields.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem } from '../report.ts';
import { needsCaller, timestamp, type Answer, type Caller, type Routes, type World } from '../route.ts';
import {
  DELIVERY_COLUMNS,
  enqueueFor,
  ROTATION_MS,
  SUBSCRIPTION_COLUMNS,
  type Outgoing,
  type Subscription,
} from '../webhooks/outbox.ts';
import { secretOf } from '../webhooks/signature.ts';

/** How many subscriptions a caller may have. */
export const MAX_SUBSCRIPTIONS = 10;
/** How many deliveries of a subscription are listed. */
const LISTED_DELIVERIES = 100;
const MAX_URL = 2_048;

const FIELDS = {
  url: field(`an http or https address of at most ${MAX_URL} characters, without user, password or fragment`, readUrl),
  types: field(`"*", or a list of different ones of ${EVENT_TYPES.join(', ')}`, readTypes),
  description: text(0, 200, ''),
};

function readUrl(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL || !URL.canParse(value)) return undefined;
  const { protocol, username, password, hash, href } = new URL(value);
  const plain = username === '' && password === '' && hash === '' && (protocol === 'http:' || protocol === 'https:');
  return plain && href.length <= MAX_URL ? href : undefined;
}

/** The types as they are kept: each with a space on both sides, so that one is not found in another. */
function readTypes(value: unknown): string | undefined {
  if (value === '*') return ' * ';
  if (!Array.isArray(value) || value.length === 0 || new Set(value).size !== value.length) return undefined;
  const known = value.every((type) => typeof type === 'string' && EVENT_TYPES.some((known) => known === type));
  return known ? ` ${value.join(' ')} ` : undefined;
}

/** Who is told of events by webhook, and what became of each delivery. */
export function subscriptionRoutes({ clock, db, parts, answers }: World): Routes {
  const { json, refuse, empty } = answers;
  const { webhooks } = parts;
  const missing = (id: string): Problem => problem('not-found', `there is no subscription ${show(id, 200)}`);
  const secretFor = (n: number, rotation: number): string => secretOf(parts.random.fork(`whsec/${n}/${rotation}`).hex(24));
  // What tells a secret must be kept nowhere on its way.
  const unstored = { 'cache-control': 'no-store' };

  /** Answers with what is done to a subscription of the caller's, in one transaction. */
  const withOne = (
    act: (subscription: Subscription, rest: string) => Work<{ readonly status: number; readonly body?: object } | Problem>,
    headers: Record<string, string> = {},
  ): Answer =>
    needsCaller(answers, async (_request, { id: path }, { user }) => {
      const [id = '', rest = ''] = path.split('/');
      const told = await db.transact(function* () {
        const found = yield* webhooks.find(id, user);
        return found === undefined ? missing(id) : yield* act(found, rest);
      });
      if ('type' in told) return refuse(told);
      return told.body === undefined ? empty(told.status, headers) : json(told.status, told.body, headers);
    });
  const tellLog = (type: EventType, { id }: Pick<Subscription, 'id'>, { user }: Caller): ReturnType<typeof record> =>
    record({ type, subject: `/subscriptions/${id}`, owner: user, data: {} }, clock.wall());

  const create = needsCaller(answers, async (request, _asked, caller) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const given = readFields(body.json, FIELDS, 'invalid-subscription', 'a subscription');
    if (isProblem(given)) return refuse(given);
    const made = await db.transact(function* () {
      const sql = "SELECT CAST(count(*) AS INTEGER) AS count FROM subscriptions WHERE owner = ? AND state <> 'deleted'";
      const { count } = (yield* one<{ count: number }>(sql, caller.user))!;
      if (count >= MAX_SUBSCRIPTIONS) return problem('too-many-subscriptions', `you have ${MAX_SUBSCRIPTIONS} of them`);
      const n = yield* next('subscriptions');
      const id = `sub_${parts.random.fork(`sub/${n}`).hex(8)}`;
      // Before it is there, so that it is not itself told of it.
      yield* tellLog('subscription.created', { id }, caller);
      const { url, types, description } = given;
      const insert = `INSERT INTO subscriptions (n, id, owner, url, types, description, secret, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING ${SUBSCRIPTION_COLUMNS}`;
      const now = clock.wall();
      return (yield* one<Subscription>(insert, n, id, caller.user, url, types, description, secretFor(n, 0), now))!;
    });
    if (isProblem(made)) return refuse(made);
    const headers = { location: `/subscriptions/${made.id}`, ...unstored };
    return json(201, { ...webhooks.tell(made), secret: made.secret }, headers);
  });

  const list = needsCaller(answers, async (_request, _asked, { user }) => {
    const sql = `SELECT ${SUBSCRIPTION_COLUMNS} FROM subscriptions WHERE owner = ? AND state <> 'deleted' ORDER BY n DESC`;
    const found = await db.single(() => all<Subscription>(sql, user));
    return json(200, { subscriptions: found.map(webhooks.tell) }, { 'cache-control': 'no-cache' });
  });

  const read = needsCaller(answers, async (_request, { id }, { user }) => {
    const found = await db.single(() => webhooks.find(id, user));
    return found === undefined ? refuse(missing(id)) : json(200, webhooks.tell(found), { 'cache-control': 'no-cache' });
  });

  const remove = withOne(function* (found) {
    yield* all('DELETE FROM deliveries WHERE subscription = ?', found.id);
    const sql =
      "UPDATE subscriptions SET state = 'deleted', url = '', description = '', secret = '', old_secret = NULL WHERE id = ?";
    yield* all(sql, found.id);
    yield* tellLog('subscription.deleted', found, { user: found.owner });
    return { status: 204 };
  });

  const rotate = withOne(function* (found) {
    const secret = secretFor(found.n, found.rotations + 1);
    const sql = `UPDATE subscriptions SET secret = ?, old_secret = secret, old_until = ?, rotations = rotations + 1 WHERE id = ?
      RETURNING ${SUBSCRIPTION_COLUMNS}`;
    const until = clock.wall() + ROTATION_MS;
    const changed = (yield* one<Subscription>(sql, secret, until, found.id))!;
    yield* tellLog('subscription.rotated', found, { user: found.owner });
    return { status: 200, body: { ...webhooks.tell(changed), secret, oldSecretUntil: timestamp(until) } };
  }, unstored);

  const test = withOne(function* (found) {
    if (found.state !== 'active') return problem('subscription-disabled', `${found.id} is ${found.state}`);
    const event = yield* tellLog('subscription.tested', found, { user: found.owner });
    yield* enqueueFor(found.id, event);
    return { status: 202, body: { delivery: event.id } };
  });

  const enable = withOne(function* (found) {
    const sql = `UPDATE subscriptions SET state = 'active', why = NULL, paused_until = 0 WHERE id = ? RETURNING ${SUBSCRIPTION_COLUMNS}`;
    const changed = (yield* one<Subscription>(sql, found.id))!;
    if (found.state === 'disabled') yield* tellLog('subscription.enabled', found, { user: found.owner });
    return { status: 200, body: webhooks.tell(changed) };
  });

  const deliveries = needsCaller(answers, async (_request, { id }, { user }) => {
    const found = await db.single(function* () {
      const sql = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE subscription = ? ORDER BY n DESC LIMIT ?`;
      const subscription = yield* webhooks.find(id, user);
      return subscription === undefined ? undefined : yield* all<Outgoing>(sql, id, LISTED_DELIVERIES);
    });
    return found === undefined
      ? refuse(missing(id))
      : json(200, { deliveries: found.map(tellDelivery) }, { 'cache-control': 'no-cache' });
  });

  const redeliver = withOne(function* ({ id, state }, delivery) {
    if (state !== 'active') return problem('subscription-disabled', `${id} is ${state}`);
    // One that is being sent keeps its lease: what comes of it is noted all the same.
    const sql = `UPDATE deliveries SET state = 'waiting', failures = 0, due_at = ? WHERE subscription = ? AND id = ?
      RETURNING ${DELIVERY_COLUMNS}`;
    const row = yield* one<Outgoing>(sql, clock.wall(), id, delivery);
    return row === undefined
      ? problem('not-found', `there is no delivery ${show(delivery, 200)}`)
      : { status: 202, body: tellDelivery(row) };
  });

  return {
    '/subscriptions': { GET: list, POST: create },
    '/subscriptions/': { GET: read, DELETE: remove },
    '/subscriptions/{id}/rotate': { POST: rotate },
    '/subscriptions/{id}/test': { POST: test },
    '/subscriptions/{id}/enable': { POST: enable },
    '/subscriptions/{id}/deliveries': { GET: deliveries },
    '/subscriptions/{id}/deliveries/{delivery}/redeliver': { POST: redeliver },
  };
}

function tellDelivery(delivery: Outgoing): object {
  const { id, type, subject, state, attempt, due_at, last_at, last_status, last_error } = delivery;
  return {
    id,
    type,
    subject,
    state,
    attempts: attempt,
    ...(state === 'waiting' ? { dueAt: timestamp(due_at) } : {}),
    ...(last_at === null
      ? {}
      : { last: { at: timestamp(last_at), ...(last_status === null ? { error: last_error } : { status: last_status }) } }),
  };
}
