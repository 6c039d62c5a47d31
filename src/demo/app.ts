import { setMaxListeners } from 'node:events';
import { HarnessError, nearest, show } from '../errors.ts';
import { parseDuration, seeded, systemClock, type Clock, type Duration, type Random } from '../time/index.ts';
import { orAbort } from './abort.ts';
import { answersOn } from './answers.ts';
import * as bugs from './bugs/index.ts';
import { reportKind } from './kinds/report.ts';
import type { Bug, Parts } from './parts.ts';
import { loggerOf, type LogOptions } from './log.ts';
import { requestMeter } from './metrics.ts';
import { observerOf, type SeenRequest } from './observe.ts';
import { problem, PROBLEMS, type ProblemName } from './problem.ts';
import { fixedWindow, limiter, type RateLimit } from './rate.ts';
import { writeReport } from './report.ts';
import type { Answer, Asked, Background, Route, Routes, World } from './route.ts';
import { airportRoutes } from './routes/airports.ts';
import { bookings } from './routes/bookings.ts';
import { customerRoutes } from './routes/customers.ts';
import { demoChecks, healthRoutes } from './routes/health.ts';
import { loginRoutes } from './routes/login.ts';
import { operationRoutes, tellOperation } from './routes/operations.ts';
import { LISTED_REPORTS, reportRoutes } from './routes/reports.ts';
import { transferRoutes } from './routes/transfers.ts';
import { one } from './db.ts';
import { callerOf, DEMO_USERS } from './sessions.ts';
import { demoServices } from './services/index.ts';
import type { Services } from './services/service.ts';
import { sqliteStore, type Naming, type Store } from './store.ts';
import { asyncCarrier, tracedFetch, tracingOf, type Telemetry } from './tracing.ts';
import { Naps, Worker, type Kinds } from './worker.ts';

/** The longest wait that may be asked of a client, in seconds: a day. */
const MAX_RETRY_AFTER_S = 86_400;
/** The most jobs that may be worked on at a time. */
const MAX_WORKERS = 10_000;

/** Every bug that can be planted, by the order of their files. */
export const BUGS: readonly Bug[] = Object.values(bugs);

export interface DemoOptions {
  /** Time for all that waits and stamps; the machine's by default. */
  readonly clock?: Clock;
  /** Chance for the ids; the seed `1` by default. */
  readonly random?: Random;
  /** A file that outlives the process, `:memory:` (the default), or a store of your own. */
  readonly store?: string | Store;
  /** How the server calls other services; {@link demoServices} in this process by default. */
  readonly fetch?: Services['fetch'];
  /** Defects to plant, by name or as they are. */
  readonly bugs?: readonly (string | Bug)[];
  /** Whole seconds that a client is asked to wait between looks (RFC 9110 §10.2.3): 1 by default, `false` for none. */
  readonly retryAfter?: number | false;
  /** How long a report takes, from its order to its end on a free worker, unless the order says so; 1.5 s by default. */
  readonly work?: Duration;
  /** How long an operation is told after its end, before it answers 410; 24 h by default. Its report stays. */
  readonly retention?: Duration;
  /** How many reports are worked on at a time; 16 by default. */
  readonly workers?: number;
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
  /** Stops the worker and closes the store, unless it was handed in; jobs that are not done wait there for the next start. */
  close(): Promise<void>;
}

/**
 * A report server that accepts now and finishes later, over a store of its own.
 *
 * `POST /reports` orders a report: 202 with `Location: /operations/{id}`, or with `?mode=sync` the report at once;
 * `GET /operations/{id}` tells how far it is, `DELETE` cancels it; `GET /reports/{id}` is the report. Errors are problem
 * documents (RFC 9457).
 *
 * @throws HarnessError `unknown-bug`, `invalid-option`, `invalid-duration`, `store-unavailable`
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
    tell: tellOperation,
    etag: ({ createdAt, version }) => `"${createdAt.toString(36)}.${version}"`,
    isMatch: (field, etag) => field.split(',').some((item) => ['*', etag].includes(item.trim())),
    countedAs: (user = '') => user,
    maySee: (owner, caller) => owner === '' || owner === caller,
    isExpired: ({ endedAt }, now) => endedAt !== undefined && now - endedAt >= retention,
    keyScope: (caller, place) => [caller, place],
    sameRequest: (fingerprint, other) => fingerprint === other,
    timeFor: (left) => left,
    toUndo: (begun) => begun,
    undone: (steps) => steps.toReversed(),
    retryAfter: () => retryAfter,
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
  const kinds: Kinds = { report: reportKind(parts) };
  const observer = observerOf(clock, tracing, () => parts, { log, isRecorded: options.telemetry !== undefined });
  const worker = new Worker(parts, kinds, { slots, nameReport, onError, around: observer.attempt });
  const naps = new Naps(clock);
  const leaving = new AbortController();
  // Every request that waits may listen to it.
  setMaxListeners(0, leaving.signal);
  let closed: Promise<void> | undefined;
  let started = false;
  const answers = answersOn(clock);
  const { json, refuse } = answers;
  const { db } = parts;
  const world: World = {
    clock,
    parts,
    db,
    answers,
    worker,
    tracing,
    nameOperation: name('op'),
    naps,
    work,
    onError,
    closing: () => leaving.signal.aborted,
    leaving: leaving.signal,
  };
  const booking = bookings(world);
  const background: readonly Background[] = [worker, booking];
  const limited = limiter(options.rateLimit === undefined ? undefined : readLimit(options.rateLimit), clock, answers, parts);
  const health = healthRoutes(world, slots);

  const explain: Answer = async (_request, { id }) => {
    if (!Object.hasOwn(PROBLEMS, id)) return refuse(problem('not-found', `there is no kind of problem ${show(id)}`));
    return json(200, { type: `/problems/${id}`, ...PROBLEMS[id as ProblemName] });
  };

  const index: Answer = async () => json(200, INDEX);

  const routes: Routes = {
    '/': { GET: index },
    ...loginRoutes(world),
    ...airportRoutes(world),
    ...customerRoutes(world),
    ...transferRoutes(world),
    ...booking.routes,
    ...reportRoutes(world, nameReport),
    ...operationRoutes(world),
    '/problems/': { GET: explain },
  };

  const answer = async (request: Request, signal: AbortSignal, seen: SeenRequest): Promise<Response> => {
    const { url } = seen;
    const { pathname } = url;
    const watched = Object.hasOwn(health, pathname) ? health[pathname] : undefined;
    if (watched !== undefined) {
      seen.route = pathname;
      return serveRoute(watched, request, { url, id: '', signal, caller: undefined });
    }
    const slash = pathname.indexOf('/', 1);
    const id = slash === -1 ? '' : pathname.slice(slash + 1);
    const path = slash === -1 ? pathname : pathname.slice(0, slash + 1);
    const route = id.includes('/') || (slash !== -1 && id === '') || !Object.hasOwn(routes, path) ? undefined : routes[path];
    if (route !== undefined) seen.route = slash === -1 ? path : `${path}{id}`;
    const authorization = request.headers.get('authorization');
    const user = authorization === null ? undefined : await userOf(authorization);
    seen.caller = user;
    return limited(parts.countedAs(user), async () => {
      if (authorization !== null && user === undefined) {
        return refuse(problem('invalid-token', 'expected Authorization: Bearer with a token of POST /login that is not over'), {
          'www-authenticate': 'Bearer error="invalid_token"',
        });
      }
      return route === undefined
        ? refuse(problem('not-found', `there is nothing at ${show(pathname, 200)}`))
        : serveRoute(route, request, { url, id, signal, caller: user === undefined ? undefined : { user } });
    });
  };

  const userOf = async (authorization: string): Promise<string | undefined> => {
    const [, token] = /^bearer +([0-9a-f]{64})$/i.exec(authorization) ?? [];
    return token === undefined ? undefined : callerOf(db, token, clock.wall());
  };

  const serveRoute = async (route: Route, request: Request, asked: Asked): Promise<Response> => {
    const { method } = request;
    const { pathname } = asked.url;
    const serve = route[method === 'HEAD' ? 'GET' : (method as keyof Route)];
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

/** The bug of a name, or a refusal that suggests the nearest. */
export function bugNamed(name: string): Bug {
  const found = BUGS.find((bug) => bug.name === name);
  if (found !== undefined) return found;
  const names = BUGS.map((bug) => bug.name);
  const meant = nearest(name, names);
  throw new HarnessError(
    'unknown-bug',
    `there is no bug ${show(name)}`,
    meant === undefined
      ? `the bugs are ${names.join(', ')}`
      : `did you mean ${show(meant)}? holdfast demo --list-bugs tells them all`,
  );
}

/** Where requests by path alone are taken to go; the name is reserved (RFC 6761). */
const IN_PROCESS_ORIGIN = 'http://demo.test';

const INDEX = {
  name: 'Holdfast demo: a company for travel and reports, at once or later',
  users: DEMO_USERS,
  keys: 'POST /customers, /transfers, /bookings and /reports (but not with mode=sync) take an Idempotency-Key',
  routes: {
    'POST /login': 'a token for a user and a password; send it as Authorization: Bearer TOKEN',
    'GET /airports?q=': 'the airports whose code, city or name begins so',
    'POST /customers': 'keep a customer: members name and email (for users, like all of customers, accounts and transfers)',
    'GET /customers': 'your customers, newest first',
    'GET /customers/{id}': 'one, with ETag; PUT and DELETE change it, with If-Match',
    'POST /bookings': 'book a flight, at once but slowly: members flight, passenger, card',
    'GET /bookings': 'your bookings, newest first',
    'GET /bookings/{id}': 'one of them',
    'GET /accounts': 'your accounts, in cents',
    'POST /transfers': 'move money: members from, to, amount, reference',
    'GET /transfers': 'your transfers, newest first',
    'GET /transfers/{id}': 'one of them',
    'POST /reports': 'order a report: 202 with Location and Retry-After; members title, rows, template, work, all optional',
    'POST /reports?mode=sync': 'the same report in the answer itself',
    'GET /operations': 'the newest of them, without their results',
    'GET /operations/{id}': 'queued, running with progress, then succeeded, failed or cancelled; with ETag',
    'DELETE /operations/{id}': 'cancel it',
    'GET /reports/{id}': 'the report',
    'GET /reports': `the newest ${LISTED_REPORTS} reports`,
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
