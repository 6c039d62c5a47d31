import { setMaxListeners } from 'node:events';
import { HarnessError, nearest, show } from '../errors.ts';
import { parseDuration, seeded, systemClock, type Clock, type Duration, type Millis, type Random } from '../time/index.ts';
import { orAbort } from './abort.ts';
import { answersOn } from './answers.ts';
import * as bugs from './bugs/index.ts';
import { DbAway, one } from './db.ts';
import type { Dialect } from './dialects/dialect.ts';
import * as dialects from './dialects/index.ts';
import { eventsFrom, momentOf } from './events.ts';
import { Feed, HEARTBEAT_MS } from './feed.ts';
import { tallyOf } from './imports.ts';
import { emailKind } from './kinds/email.ts';
import { importKind } from './kinds/import.ts';
import { replayKind } from './kinds/replay.ts';
import { reportKind } from './kinds/report.ts';
import { TRIP_BUDGET_MS, tripKind } from './kinds/trip.ts';
import { loggerOf, type LogOptions } from './log.ts';
import { demoMailbox, smtpMailer, type Mailer } from './mail.ts';
import { requestMeter } from './metrics.ts';
import { observerOf, type SeenRequest } from './observe.ts';
import { lookThenAct } from './once.ts';
import { page } from './page.ts';
import type { Bug, Parts } from './parts.ts';
import { policyNamed, type PolicyName } from './policies.ts';
import { problem, PROBLEMS, type ProblemName } from './problem.ts';
import { LocalQueue, type Queue, type QueueOptions } from './queue.ts';
import { fixedWindow, limiter, type RateLimit } from './rate.ts';
import { writeReport } from './report.ts';
import { router, type Answer, type Asked, type Background, type Caller, type Route, type Routes, type World } from './route.ts';
import { airportRoutes } from './routes/airports.ts';
import { bookings } from './routes/bookings.ts';
import { customerRoutes } from './routes/customers.ts';
import { emailRoutes } from './routes/emails.ts';
import { eventRoutes, placeFor } from './routes/events.ts';
import { demoChecks, healthRoutes } from './routes/health.ts';
import { importRoutes } from './routes/imports.ts';
import { loginRoutes } from './routes/login.ts';
import { operationIndex, operationRoutes, partialOf, tellOperation } from './routes/operations.ts';
import { paymentRoutes } from './routes/payments.ts';
import { LISTED_REPORTS, reportRoutes } from './routes/reports.ts';
import { snapshotRoutes } from './routes/snapshots.ts';
import { subscriptionRoutes } from './routes/subscriptions.ts';
import { transferRoutes } from './routes/transfers.ts';
import { tripRoutes } from './routes/trips.ts';
import { demoServices, REFUSALS } from './services/index.ts';
import type { Services } from './services/service.ts';
import { callerOf, DEMO_USERS } from './sessions.ts';
import { foldLog } from './snapshots.ts';
import { converse, type Talk, type Wire } from './socket.ts';
import { asksFor, frame } from './sse.ts';
import { isEnded, leftOf, sqliteStore, type Naming, type Store } from './store.ts';
import { asyncCarrier, tracedFetch, tracingOf, type Telemetry } from './tracing.ts';
import { Dispatcher } from './webhooks/dispatcher.ts';
import { isSecret } from './webhooks/signature.ts';
import { CALLBACKS, WEBHOOKS } from './webhooks/webhooks.ts';
import { Naps, Worker, type Kinds } from './worker.ts';

/** The longest wait that may be asked of a client, in seconds: a day. */
const MAX_RETRY_AFTER_S = 86_400;
/** The most jobs that may be worked on at a time. */
const MAX_WORKERS = 10_000;

/** What the payment service signs its callbacks with, unless it is told otherwise: nothing here is anybody's secret. */
const DEMO_CALLBACK_SECRET = `whsec_${Buffer.from('for the demo, and no secret').toString('base64')}`;

/** Every bug that can be planted, by the order of their files. */
export const BUGS: readonly Bug[] = Object.values(bugs);
/** Every dialect that can be spoken, by the order of their files. */
export const DIALECTS: readonly Dialect[] = Object.values(dialects);

/** When to come back to a server whose store is away, in seconds. */
const AWAY_RETRY_AFTER_S = 2;
/** How often a job that waits is looked at, in milliseconds, where other processes may cancel it. */
const LOOK_AGAIN_MS: Millis = 1000;

/** How the demo is made: what it stands on, how it answers, and how it is wrong. All of it may be left out. */
export interface DemoOptions {
  /** Time for all that waits and stamps; the machine's by default. */
  readonly clock?: Clock;
  /** Chance for the ids; the seed `1` by default. */
  readonly random?: Random;
  /** A file that outlives the process, `:memory:` (the default), or a store of your own, such as `openStore` gives. */
  readonly store?: string | Store;
  /** How the server calls other services; {@link demoServices} in this process by default, in memory beside a store of your own. */
  readonly fetch?: Services['fetch'];
  /** How e-mail is sent: by SMTP as `smtp://host:port` or `smtps://user:password@host:port` tell, or to {@link demoMailbox} by default. */
  readonly mail?: string | Mailer;
  /** How webhooks are sent; over the network by default. In virtual time hand one in: time does not wait for a network. */
  readonly send?: Services['fetch'];
  /** What callbacks are signed with: `whsec_` and 24 to 64 bytes in base64. `GET /` tells the default. */
  readonly callbackSecret?: string;
  /** Defects to plant, by name or as they are. */
  readonly bugs?: readonly (string | Bug)[];
  /** How operations are accepted, told and cancelled, by its name; `location` by default. */
  readonly dialect?: string;
  /** What an Idempotency-Key means, and whether one is required where it is taken; `ietf`, and it is not, by default. */
  readonly idempotency?: PolicyName | { readonly policy?: PolicyName; readonly required?: boolean };
  /** Whole seconds that a client is asked to wait between looks (RFC 9110 §10.2.3): 1 by default, `false` for none. */
  readonly retryAfter?: number | false;
  /** How long a report takes, from its order to its end on a free worker, unless the order says so, or an import; 1.5 s by default. */
  readonly work?: Duration;
  /** How long an operation is told after its end, before it answers 410; 24 h by default. Its report stays. */
  readonly retention?: Duration;
  /** How many reports are worked on at a time; 16 by default. */
  readonly workers?: number;
  /** How jobs get to workers; a queue in this process by default, which must then be the only one that works on the store. */
  readonly queue?: (options: QueueOptions) => Queue;
  /** How many requests each caller may send in a time, as in `{ requests: 10, per: '1s' }`; as many as they like by default. */
  readonly rateLimit?: { readonly requests: number; readonly per: Duration };
  /** Where spans go, such as {@link openTelemetry} makes it; closed with the app. Traces that come in go on without it, too. */
  readonly telemetry?: Telemetry;
  /** Tells each request, each attempt at an operation and each fault in a line; nothing by default. */
  readonly log?: LogOptions;
  /** Told of faults of the server itself; by default they are in the log or, where there is none, printed as a warning. */
  readonly onError?: (error: unknown) => void;
}

/** The demo server without a socket: requests go in, responses come out. */
export interface DemoApp {
  readonly clock: Clock;
  /** The bugs that are planted. */
  readonly bugs: readonly Bug[];
  /** Starts the worker, which first takes up what an earlier process left in the store. Until then jobs stay queued. */
  start(): DemoApp;
  /** Answers a request; never rejects, unless the client hung up (then with its signal's reason). */
  readonly handle: (request: Request) => Promise<Response>;
  /** `fetch` without a network: takes paths as well as URLs, whatever their host. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /**
   * Opens the feed of all that happens on a connection that carries messages, such as a WebSocket.
   *
   * @returns what is to be told of what comes over the connection; or a response that says why it is refused
   */
  readonly connect: (request: Request) => Promise<Response | ((wire: Wire) => Talk)>;
  /** Stops the worker and closes the store, unless it was handed in; jobs that are not done wait there for the next start. */
  close(): Promise<void>;
}

/**
 * A company for travel and reports that answers at once or later, over a store of its own; `GET /` tells all that it serves.
 *
 * `POST /reports` orders a report: 202 with `Location: /operations/{id}`, or with `?mode=sync` the report at once;
 * `GET /operations/{id}` tells how far it is, `DELETE` cancels it; `GET /reports/{id}` is the report. Errors are problem
 * documents (RFC 9457).
 *
 * @throws HarnessError `unknown-bug`, `unknown-dialect`, `unknown-policy`, `invalid-option`, `invalid-duration`, `store-unavailable`
 *
 * @example
 * ```ts
 * import { demoApp } from 'holdfast/demo';
 * import { virtualClock } from 'holdfast/time';
 *
 * const clock = virtualClock();
 * const app = demoApp({ clock, work: '1h' }).start();
 * const order = await app.fetch('/reports', { method: 'POST' });
 * order.status; // => 202
 * await clock.advance(3_600_000);
 * const told = await app.fetch(order.headers.get('location') ?? '');
 * const operation = (await told.json()) as { status: string; result: { rows: number } };
 * operation.status; // => 'succeeded'
 * operation.result.rows; // => 12
 * await app.close();
 * ```
 */
export function demoApp(options: DemoOptions = {}): DemoApp {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? seeded(1);
  const work = parseDuration(options.work ?? 1500, 'work');
  const retention = parseDuration(options.retention ?? '24h', 'retention');
  const slots = wholeNumber('workers', options.workers ?? 16, 1, MAX_WORKERS);
  const retryAfter =
    options.retryAfter === false ? undefined : String(wholeNumber('retryAfter', options.retryAfter ?? 1, 0, MAX_RETRY_AFTER_S));
  const planted = (options.bugs ?? []).map((bug) => (typeof bug === 'string' ? bugNamed(bug) : bug));
  const dialect = dialectNamed(options.dialect ?? 'location');
  const { policy = 'ietf', required = false } =
    typeof options.idempotency === 'string' ? { policy: options.idempotency } : (options.idempotency ?? {});
  const keys = { ...policyNamed(policy), required };
  const mailer = typeof options.mail === 'string' ? smtpMailer(options.mail) : (options.mail ?? demoMailbox());
  const callbackSecret = options.callbackSecret ?? DEMO_CALLBACK_SECRET;
  if (!isSecret(callbackSecret)) {
    throw new HarnessError(
      'invalid-option',
      'callbackSecret: expected whsec_ and 24 to 64 bytes in base64',
      'leave it out to take the secret that GET / tells',
    );
  }
  const log = options.log === undefined ? undefined : loggerOf(options.log, clock);
  const warn = (error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error));
  const tellFault = options.onError ?? (log === undefined ? warn : (): void => undefined);
  const onError = (error: unknown): void => {
    log?.fault(error);
    tellFault(error);
  };
  const store = typeof options.store === 'object' ? options.store : sqliteStore(options.store ?? ':memory:');

  const tracing = tracingOf({ clock, random, telemetry: options.telemetry }, () => parts.carrier);
  const services =
    options.fetch === undefined
      ? demoServices({ clock, tracing, ...(typeof options.store === 'string' ? { store: options.store } : {}) })
      : undefined;

  const correct: Parts = {
    clock,
    random,
    store,
    db: store.db,
    fetch: tracedFetch(options.fetch ?? services!.fetch, tracing),
    write: writeReport,
    deliver: (delivery, delay) => worker.deliver(delivery, delay),
    tell: (operation) => tellOperation(operation, parts.partial(operation)),
    etag: ({ createdAt, version }) => `"${createdAt.toString(36)}.${version}"`,
    isMatch: (field, etag) => field.split(',').some((item) => ['*', etag].includes(item.trim())),
    countedAs: (user = '') => user,
    maySee: (owner, caller) => owner === '' || owner === caller,
    isExpired: ({ endedAt }, now) => endedAt !== undefined && now - endedAt >= retention,
    keys,
    keyText: (key) => key,
    kept: (reply) => reply,
    underKey: lookThenAct({ transact: (act) => parts.db.transact(act) }),
    keyScope: (caller, place) => [caller, place],
    sameRequest: (fingerprint, other) => fingerprint === other,
    timeFor: (left) => left,
    toUndo: (begun) => begun,
    undone: (steps) => steps.toReversed(),
    keyOfTry: (key) => key,
    // Too slow and too often are no answer to what was asked.
    saidNo: ({ status }) => status < 500 && status !== 408 && status !== 429,
    hasTime: (createdAt, now) => now - createdAt < TRIP_BUDGET_MS,
    linkTo: (path, origin) => (dialect.absolute === true ? `${origin}${path}` : path),
    freshness: () => 'no-cache',
    retryAfter: () => retryAfter,
    mail: (letter, signal) => mailer.send(letter, signal),
    stillTo: (to, settled) => to.filter((address) => !settled.includes(address)),
    tally: tallyOf,
    partial: (operation) => partialOf(operation, parts.write),
    eventsFrom,
    momentOf,
    placeAfter: (n) => n + 1,
    frame,
    heartbeat: HEARTBEAT_MS,
    isLast: isEnded,
    stateAt: (base, to, caller) => foldLog(parts, base, to, caller),
    cutAt: (newest) => newest,
    send: options.send ?? ((input, init) => fetch(input, init)),
    webhooks: WEBHOOKS,
    callbacks: CALLBACKS,
    windowFor: fixedWindow,
    // Rounded up: who comes back then is let in.
    inSeconds: (wait) => Math.ceil(wait / 1000),
    carrier: asyncCarrier(),
    traceFor: ({ trace }) => trace,
    meter: requestMeter(),
    checks: demoChecks(
      () => store.db.single(() => one('SELECT 1 AS up')),
      () => worker.isStarted,
    ),
  };
  const parts = planted.reduce<Parts>((so, bug) => ({ ...so, ...bug.plant(so) }), correct);
  // Named by what the store counts, so that a restart with the same seed on the same file does not repeat an id.
  const name =
    (prefix: string): Naming =>
    (nth) =>
      `${prefix}_${random.fork(`${prefix}/${nth}`).hex(8)}`;
  const nameReport = name('rep');
  const leaving = new AbortController();
  // Every request that waits may listen to it.
  setMaxListeners(0, leaving.signal);
  const kinds: Kinds = {
    report: reportKind(parts),
    email: emailKind(parts),
    import: importKind(parts),
    replay: replayKind(parts),
    trip: tripKind(parts, leaving.signal),
  };
  const observer = observerOf(clock, tracing, () => parts, { log, isRecorded: options.telemetry !== undefined });
  const queue = (options.queue ?? ((source) => new LocalQueue(source)))({
    clock,
    slots,
    // What is running was left by a worker that died; where other processes work on the store, it may be alive. Then it loses the
    // job, and whatever it still writes is refused: better than a job that nobody ever takes up again.
    unfinished: async () => (await parts.store.unfinished()).map(({ id, status }) => ({ id, from: status })),
    leftover: async (id, held) => leftOf(await parts.store.get(id), held?.attempt),
    onError,
  });
  const worker = new Worker(parts, kinds, {
    queue,
    nameReport,
    around: observer.attempt,
    ...(options.queue === undefined && parts.db.alone ? {} : { lookAgain: LOOK_AGAIN_MS }),
  });
  const naps = new Naps(clock);
  let closed: Promise<void> | undefined;
  let started = false;
  const answers = answersOn(clock, dialect.refusing);
  const { json, refuse } = answers;
  const { db } = parts;
  const feed = new Feed(parts, answers, leaving.signal, onError);
  const world: World = {
    clock,
    parts,
    db,
    answers,
    dialect,
    worker,
    feed,
    tracing,
    nameOperation: name('op'),
    naps,
    work,
    onError,
    closing: () => leaving.signal.aborted,
    leaving: leaving.signal,
  };
  const booking = bookings(world);
  const background: readonly Background[] = [worker, booking, new Dispatcher(parts, onError)];
  const limited = limiter(options.rateLimit === undefined ? undefined : readLimit(options.rateLimit), clock, answers, parts);
  const health = healthRoutes(world, slots);

  const explain: Answer = async (_request, { id }) => {
    if (!Object.hasOwn(PROBLEMS, id)) return refuse(problem('not-found', `there is no kind of problem ${show(id)}`));
    return json(200, { type: `/problems/${id}`, ...PROBLEMS[id as ProblemName] });
  };

  // A secret that somebody chose is not told.
  const told = {
    ...INDEX,
    ...(options.callbackSecret === undefined ? { callbackSecret } : {}),
    dialect: dialect.name,
    routes: { ...INDEX.routes, ...operationIndex(dialect) },
  };
  const index: Answer = async (request) => {
    if (!asksFor(request, 'text/html')) return json(200, told, { vary: 'Accept' });
    const { html, policy } = page();
    return answers.send(200, 'text/html; charset=utf-8', html, { vary: 'Accept', ...policy });
  };
  const feedByHttp: Answer = async () =>
    refuse(problem('upgrade-required', 'expected the upgrade of RFC 6455'), { upgrade: 'websocket', connection: 'Upgrade' });

  const routes: Routes = {
    '/': { GET: index },
    ...loginRoutes(world),
    ...airportRoutes(world),
    ...customerRoutes(world),
    ...transferRoutes(world),
    ...booking.routes,
    ...tripRoutes(world),
    ...emailRoutes(world),
    ...importRoutes(world),
    ...reportRoutes(world, nameReport),
    ...operationRoutes(world),
    ...eventRoutes(world),
    ...snapshotRoutes(world),
    '/feed': { GET: feedByHttp },
    ...subscriptionRoutes(world),
    ...paymentRoutes(world, callbackSecret),
    '/problems/': { GET: explain },
  };

  const routeOf = router(routes);
  const answer = async (request: Request, signal: AbortSignal, seen: SeenRequest): Promise<Response> => {
    const { url } = seen;
    const { pathname } = url;
    const watched = Object.hasOwn(health, pathname) ? health[pathname] : undefined;
    if (watched !== undefined) {
      seen.route = pathname;
      return serveRoute(watched, request, { url, id: '', signal, caller: undefined });
    }
    const found = routeOf(pathname);
    if (found !== undefined) seen.route = found.template;
    return admit(request, async (caller) => {
      seen.caller = caller?.user;
      return found === undefined
        ? refuse(problem('not-found', `there is nothing at ${show(pathname, 200)}`))
        : serveRoute(found.route, request, { url, id: found.id, signal, caller });
    });
  };

  /** Answers whoever may ask: within the limits, and with a token that is good or none. */
  const admit = async (request: Request, answerTo: (caller: Caller | undefined) => Promise<Response>): Promise<Response> => {
    const authorization = request.headers.get('authorization');
    const [, token] = /^bearer +([0-9a-f]{64})$/i.exec(authorization ?? '') ?? [];
    const caller = token === undefined ? undefined : await whoHas(token);
    return limited(parts.countedAs(caller?.user), async () => {
      if (authorization !== null && caller === undefined) {
        return refuse(problem('invalid-token', 'expected Authorization: Bearer with a token of POST /login that is not over'), {
          'www-authenticate': 'Bearer error="invalid_token"',
        });
      }
      return answerTo(caller);
    });
  };

  const whoHas = (token: string): Promise<Caller | undefined> => callerOf(db, token, clock.wall());

  const connect: DemoApp['connect'] = async (request) => {
    let talk: ((wire: Wire) => Talk) | undefined;
    const refusal = await admit(request, async (caller) => {
      const { headers } = request;
      const origin = headers.get('origin');
      // Browsers let every page open a WebSocket to everywhere, and say whose page it is.
      if (origin !== null && URL.parse(origin)?.host !== headers.get('host'))
        return refuse(problem('foreign-origin', `expected the origin of this server, received ${show(origin, 200)}`));
      if (feed.refusal !== undefined) return feed.refusal;
      const partners = { feed, clock, leaving: leaving.signal, onError, caller, whoHas };
      talk = (wire) => converse(wire, { ...partners, placeFor: (from) => placeFor(world, from) });
      return answers.empty(204);
    });
    return talk ?? refusal;
  };

  const serveRoute = async (route: Route, request: Request, asked: Asked): Promise<Response> => {
    const { method } = request;
    const { pathname } = asked.url;
    const name = method === 'HEAD' ? 'GET' : method;
    const serve = Object.hasOwn(route, name) ? route[name as keyof Route] : undefined;
    if (serve !== undefined) {
      const response = await serve(request, asked);
      return method === 'HEAD' ? new Response(null, response) : response;
    }
    const allow = ['OPTIONS', ...Object.keys(route), ...('GET' in route ? ['HEAD'] : [])].sort().join(', ');
    if (method === 'OPTIONS') return answers.empty(204, { allow });
    return refuse(problem('method-not-allowed', `${method} is not served at ${show(pathname, 200)}; there are ${allow}`), {
      allow,
    });
  };

  const answered = async (request: Request, signal: AbortSignal, seen: SeenRequest): Promise<Response> => {
    try {
      return await answer(request, signal, seen);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (leaving.signal.aborted) return refuse(problem('closing', 'the request was not finished'));
      seen.fault(error);
      tellFault(error);
      if (error instanceof DbAway)
        return refuse(problem('store-away', 'its store did not answer'), { 'retry-after': String(AWAY_RETRY_AFTER_S) });
      return refuse(problem('internal', 'the fault is in the log of the server'));
    }
  };

  const handle = async (request: Request, signal: AbortSignal): Promise<Response> => {
    const seen = observer.request(request);
    let response: Response | undefined;
    try {
      response = await tracing.run(seen.context, () => answered(request, signal, seen));
      return response;
    } finally {
      seen.end(response);
    }
  };

  const app: DemoApp = {
    clock,
    bugs: planted,
    start() {
      if (closed === undefined && !started) {
        started = true;
        for (const one of background) one.start();
      }
      return app;
    },
    handle: (request) => handle(request, request.signal),
    connect,
    async fetch(input, init) {
      const to = typeof input === 'string' && input.startsWith('/') ? `${IN_PROCESS_ORIGIN}${input}` : input;
      // The signal is watched here: handing it to Request would cost more than the rest of the request.
      const { signal: given, ...rest } = init ?? {};
      const request = new Request(to, rest);
      const signal = given ?? request.signal;
      signal.throwIfAborted();
      const response = await orAbort(handle(request, signal), given);
      Object.defineProperty(response, 'url', { value: request.url });
      return response;
    },
    close() {
      closed ??= (async () => {
        leaving.abort();
        naps.wakeAll();
        await Promise.all(background.map((one) => one.stop()));
        await services?.close();
        await options.telemetry?.close();
        if (store !== options.store) await store.close();
      })();
      return closed;
    },
  };
  return app;
}

/**
 * The bug of a name, to be planted as it is or together with others; {@link BUGS} has them all.
 *
 * @throws HarnessError `unknown-bug`, with the nearest name
 *
 * @example
 * ```ts
 * import { bugNamed, demoApp } from 'holdfast/demo';
 *
 * const bug = bugNamed('lost-result');
 * bug.family; // => 'result'
 * const app = demoApp({ bugs: [bug, 'double-run'] });
 * app.bugs.map(({ name }) => name); // => ['lost-result', 'double-run']
 * await app.close();
 * ```
 */
export function bugNamed(name: string): Bug {
  const found = BUGS.find((bug) => bug.name === name);
  if (found !== undefined) return found;
  const names = BUGS.map((bug) => bug.name);
  const meant = nearest(name, names);
  throw new HarnessError(
    'unknown-bug',
    `there is no bug ${show(name)}`,
    `${meant === undefined ? '' : `did you mean ${show(meant)}? `}holdfast demo --list-bugs tells them all`,
  );
}

/** The dialect of a name, or a refusal that suggests the nearest. */
export function dialectNamed(name: string): Dialect {
  const found = DIALECTS.find((dialect) => dialect.name === name);
  if (found !== undefined) return found;
  const names = DIALECTS.map((dialect) => dialect.name);
  const meant = nearest(name, names);
  throw new HarnessError(
    'unknown-dialect',
    `there is no dialect ${show(name)}`,
    meant === undefined ? `the dialects are ${names.join(', ')}` : `did you mean ${show(meant)}?`,
  );
}

/** Where requests by path alone are taken to go; the name is reserved (RFC 6761). */
const IN_PROCESS_ORIGIN = 'http://demo.test';

const INDEX = {
  name: 'Holdfast demo: a company for travel and reports, at once or later',
  users: DEMO_USERS,
  keys: 'every POST that makes something takes an Idempotency-Key, but /login, /subscriptions and /reports?mode=sync',
  services: REFUSALS,
  routes: {
    'POST /login': 'a token for a user and a password; send it as Authorization: Bearer TOKEN',
    'GET /airports?q=': 'the airports whose code, city or name begins so',
    'POST /customers': 'keep a customer: members name and email (for users, like all of customers, accounts and transfers)',
    'GET /customers': 'your customers, newest first',
    'GET /customers/{id}': 'one, with ETag; PUT and DELETE change it, with If-Match',
    'POST /imports': 'keep up to 500 customers: 202; member items, a list of them; with ?atomic=true all or none',
    'POST /emails': 'send an e-mail: 202; members to, subject, text, report (the id of one whose totals are put in)',
    'POST /bookings': 'book a flight, at once but slowly: members flight, passenger, card',
    'GET /bookings': 'your bookings, newest first',
    'GET /bookings/{id}': 'one of them',
    'POST /trips': 'order a trip, booked later, all or none of it: members flight, city, nights, car, passenger, card',
    'GET /trips': 'your trips, newest first',
    'GET /trips/{id}': 'one of them',
    'GET /accounts': 'your accounts, in cents',
    'POST /transfers': 'move money: members from, to, amount, reference',
    'GET /transfers': 'your transfers, newest first',
    'GET /transfers/{id}': 'one of them',
    'POST /reports': 'order a report, to be done later; members title, rows, template, work, all optional',
    'POST /reports?mode=sync': 'the same report in the answer itself',
    'GET /reports/{id}': 'the report',
    'GET /reports': `the newest ${LISTED_REPORTS} reports`,
    'GET /events?from=&limit=&type=&subject=':
      'what happened, from a place in the log, an event, a moment or now on; with Accept: text/event-stream what happens, too',
    'GET /feed': 'the same by WebSocket: send {}, or from, types and token',
    'POST /snapshots':
      'keep what the log says of you: accounts, customers, operations (for users, like all of snapshots and replays)',
    'GET /snapshots': 'your snapshots, newest first',
    'GET /snapshots/{id}': 'one of them',
    'POST /replays':
      'fold the log again: 202, like a report; members from (snapshot or place) and to (place or moment), optional',
    'POST /subscriptions':
      'be told of your events by webhook: members url, types (a list, or "*"), description; the secret is told once',
    'GET /subscriptions': 'yours, newest first, without their secrets',
    'GET /subscriptions/{id}': 'one of them; DELETE ends it',
    'POST /subscriptions/{id}/rotate': 'a new secret; the old one signs too for a day',
    'POST /subscriptions/{id}/test': 'be told of a test',
    'POST /subscriptions/{id}/enable': 'begin anew with one that was disabled',
    'GET /subscriptions/{id}/deliveries': 'what became of each delivery, newest first',
    'POST /subscriptions/{id}/deliveries/{delivery}/redeliver': 'send it once more, at once',
    'POST /callbacks/payments':
      'for the payment service: signed as Standard Webhooks; members type, timestamp, data (payment, sequence, amount)',
    'GET /payments/{id}': 'how far a payment is, and all that was called back of it',
    'GET /problems/{name}': 'what a problem means',
    'GET /health/live': 'whether the server answers; it and the next two ask for no token, and are not counted',
    'GET /health/ready': 'whether it can do its work: 200, or 503 with what is down',
    'GET /metrics': 'figures for Prometheus, or as OpenMetrics by Accept',
  },
};

function readLimit({ requests, per }: NonNullable<DemoOptions['rateLimit']>): RateLimit {
  return {
    requests: wholeNumber('rateLimit.requests', requests, 1, 1_000_000),
    window: Math.max(1, parseDuration(per, 'rateLimit.per')),
  };
}

function wholeNumber(option: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new HarnessError(
    'invalid-option',
    `${option}: expected a whole number from ${min} to ${max}, received ${typeof value === 'number' ? String(value) : show(value)}`,
    option === 'retryAfter'
      ? 'it counts seconds, as the header does; false leaves the header out'
      : `give one, or leave ${option} out`,
  );
}
