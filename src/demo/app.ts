import { HarnessError, nearest, show } from '../errors.ts';
import { parseDuration, seeded, systemClock, type Clock, type Duration, type Millis, type Random } from '../time/index.ts';
import * as bugs from './bugs/index.ts';
import type { Bug, OperationBody, Parts } from './parts.ts';
import { problem, PROBLEMS, type Problem, type ProblemName } from './problem.ts';
import { isProblem, readOrder, writeReport } from './report.ts';
import { sqliteStore, STEPS, type Naming, type Operation, type Store, type StoredReport } from './store.ts';
import { Naps, pickUpDelay, Worker } from './worker.ts';

/** The largest body that is read, in bytes. */
export const MAX_BODY_BYTES = 65_536;
/** The most accepted jobs that may wait at a time; more are answered with 503. */
const MAX_WAITING_JOBS = 10_000;
/** How many reports the collection lists. */
const LISTED_REPORTS = 100;
/** When to come back to a server that has too much to do, in seconds. */
const BUSY_RETRY_AFTER_S = 5;
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
  /** How the server calls others. */
  readonly fetch?: typeof globalThis.fetch;
  /** Defects to plant, by name or as they are. */
  readonly bugs?: readonly (string | Bug)[];
  /** Whole seconds that a client is asked to wait between looks (RFC 9110 §10.2.3): 1 by default, `false` for none. */
  readonly retryAfter?: number | false;
  /** How long a report takes, from its order to its end on a free worker, unless the order says so; 1.5 s by default. */
  readonly work?: Duration;
  /** How many reports are worked on at a time; 16 by default. */
  readonly workers?: number;
  /** Told of faults of the server itself; printed as a warning by default. */
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
  const slots = wholeNumber('workers', options.workers ?? 16, 1, MAX_WORKERS);
  const retryAfter =
    options.retryAfter === false ? undefined : String(wholeNumber('retryAfter', options.retryAfter ?? 1, 0, MAX_RETRY_AFTER_S));
  const planted = (options.bugs ?? []).map((bug) => (typeof bug === 'string' ? bugNamed(bug) : bug));
  const onError =
    options.onError ?? ((error: unknown): void => process.emitWarning(error instanceof Error ? error : String(error)));
  const store = typeof options.store === 'object' ? options.store : sqliteStore(options.store ?? ':memory:');

  const correct: Parts = {
    clock,
    random,
    store,
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    write: writeReport,
    deliver: (delivery, delay) => worker.deliver(delivery, delay),
    tell: tellOperation,
    etag: ({ createdAt, version }) => `"${createdAt.toString(36)}.${version}"`,
    retryAfter: () => retryAfter,
  };
  const parts = planted.reduce<Parts>((so, bug) => ({ ...so, ...bug.plant(so) }), correct);
  // Named by what the store counts, so that a restart with the same seed on the same file does not repeat an id.
  const name =
    (prefix: string): Naming =>
    (nth) =>
      `${prefix}_${random.fork(`${prefix}/${nth}`).hex(8)}`;
  const nameReport = name('rep');
  const nameOperation = name('op');
  const worker = new Worker(parts, { slots, nameReport, onError });
  const naps = new Naps(clock);
  let closed: Promise<void> | undefined;

  // One text per second: every response is dated (RFC 9110 §6.6.1).
  let dated = -1;
  let date = '';
  const dateNow = (): string => {
    const second = Math.floor(clock.wall() / 1000);
    if (second !== dated) {
      dated = second;
      date = new Date(second * 1000).toUTCString();
    }
    return date;
  };
  const respond = (status: number, type: string, body: unknown, headers: Record<string, string> = {}): Response =>
    new Response(`${JSON.stringify(body)}\n`, { status, headers: { 'content-type': type, date: dateNow(), ...headers } });
  const json = (status: number, body: unknown, headers?: Record<string, string>): Response =>
    respond(status, 'application/json', body, headers);
  const refuse = (told: Problem, headers?: Record<string, string>): Response =>
    respond(told.status, 'application/problem+json', told, headers);

  /** A representation with its validator: 304 when the client has it already (RFC 9110 §13.1.2). */
  const conditional = (request: Request, etag: string, headers: Record<string, string>, body: () => unknown): Response => {
    const fields = { ...headers, etag, 'cache-control': 'no-cache' };
    const known = request.headers.get('if-none-match');
    return known !== null && matches(known, etag)
      ? new Response(null, { status: 304, headers: { date: dateNow(), ...fields } })
      : json(200, body(), fields);
  };

  const politeness = (operation: Operation): Record<string, string> => {
    const wish = ended(operation) ? undefined : parts.retryAfter(operation);
    return wish === undefined ? {} : { 'retry-after': wish };
  };

  const order: Answer = async (request, { url, signal }) => {
    const mode = readMode(url);
    if (typeof mode !== 'string') return refuse(mode);
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const wanted = readOrder(body.json, work);
    if (isProblem(wanted)) return refuse(wanted);
    if (closed !== undefined) return refuse(problem('closing', 'it takes no more orders'));
    if (mode === 'sync') {
      const key = `sync/${++calls}`;
      const hangUp = (): void => naps.wake(key);
      signal.addEventListener('abort', hangUp, { once: true });
      if (!signal.aborted) await naps.take(wanted.work, key);
      signal.removeEventListener('abort', hangUp);
      // Nobody is left to tell: nothing is kept.
      signal.throwIfAborted();
      if (closed !== undefined) return refuse(problem('closing', 'the report was not finished'));
      const outcome = parts.write(wanted);
      if (isProblem(outcome)) return refuse(outcome);
      const { id, createdAt, report } = await parts.store.addReport(outcome, undefined, clock.wall(), nameReport);
      return json(200, report, { 'content-location': `/reports/${id}`, etag: reportTag(createdAt), 'cache-control': 'no-cache' });
    }
    if (worker.size >= MAX_WAITING_JOBS) {
      return refuse(problem('busy', `${MAX_WAITING_JOBS} reports are waiting`), { 'retry-after': String(BUSY_RETRY_AFTER_S) });
    }
    const operation = await parts.store.accept(wanted, clock.wall(), nameOperation);
    parts.deliver({ id: operation.id, from: 'queued' }, pickUpDelay(wanted.work), wanted);
    return json(202, parts.tell(operation), { location: `/operations/${operation.id}`, ...politeness(operation) });
  };
  let calls = 0;

  const look: Answer = async (request, { id }) => {
    const operation = await parts.store.get(id);
    if (operation === undefined) return refuse(problem('not-found', `there is no operation ${show(id)}`));
    return conditional(request, parts.etag(operation), politeness(operation), () => parts.tell(operation));
  };

  const cancel: Answer = async (_request, { id }) => {
    const operation = await parts.store.cancel(id, clock.wall());
    if (operation === undefined) return refuse(problem('not-found', `there is no operation ${show(id)}`));
    if (operation.status !== 'cancelled') return refuse(problem('already-ended', `it has ${operation.status} and stays so`));
    worker.nudge(id);
    return json(200, parts.tell(operation), { etag: parts.etag(operation), 'cache-control': 'no-cache' });
  };

  const showReport: Answer = async (request, { id }) => {
    const found = await parts.store.report(id);
    if (found === undefined) return refuse(problem('not-found', `there is no report ${show(id)}`));
    return conditional(request, reportTag(found.createdAt), {}, () => found.report);
  };

  const listReports: Answer = async () => {
    const reports = await parts.store.reports(LISTED_REPORTS);
    return json(200, { reports: reports.map(listed) }, { 'cache-control': 'no-cache' });
  };

  const explain: Answer = async (_request, { id }) => {
    if (!Object.hasOwn(PROBLEMS, id)) return refuse(problem('not-found', `there is no kind of problem ${show(id)}`));
    return json(200, { type: `/problems/${id}`, ...PROBLEMS[id as ProblemName] });
  };

  const index: Answer = async () => json(200, INDEX);

  const routes: Readonly<Record<string, Route>> = {
    '/': { GET: index },
    '/reports': { GET: listReports, POST: order },
    '/reports/': { GET: showReport },
    '/operations/': { GET: look, DELETE: cancel },
    '/problems/': { GET: explain },
  };

  const answer = async (request: Request, signal: AbortSignal): Promise<Response> => {
    const url = new URL(request.url);
    const { pathname } = url;
    const slash = pathname.indexOf('/', 1);
    const id = slash === -1 ? '' : pathname.slice(slash + 1);
    const path = slash === -1 ? pathname : pathname.slice(0, slash + 1);
    const route = id.includes('/') || (slash !== -1 && id === '') || !Object.hasOwn(routes, path) ? undefined : routes[path];
    if (route === undefined) return refuse(problem('not-found', `there is nothing at ${show(pathname, 200)}`));
    const { method } = request;
    const serve = route[method === 'HEAD' ? 'GET' : (method as keyof Route)];
    if (serve !== undefined) {
      const response = await serve(request, { url, id, signal });
      return method === 'HEAD' ? new Response(null, response) : response;
    }
    const allow = ['OPTIONS', ...Object.keys(route), ...('GET' in route ? ['HEAD'] : [])].sort().join(', ');
    if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } });
    return refuse(problem('method-not-allowed', `${method} is not served at ${show(pathname, 200)}; there are ${allow}`), {
      allow,
    });
  };

  const handle = async (request: Request, signal: AbortSignal): Promise<Response> => {
    try {
      return await answer(request, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (closed !== undefined) return refuse(problem('closing', 'the request was not finished'));
      onError(error);
      return refuse(problem('internal', 'the fault is in the log of the server'));
    }
  };

  const app: DemoApp = {
    clock,
    bugs: planted,
    start() {
      if (closed === undefined) worker.start();
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
        naps.wakeAll();
        await worker.stop();
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

type Answer = (
  request: Request,
  at: { readonly url: URL; readonly id: string; readonly signal: AbortSignal },
) => Promise<Response>;
type Route = Readonly<Partial<Record<'GET' | 'POST' | 'DELETE', Answer>>>;

/** Where requests by path alone are taken to go; the name is reserved (RFC 6761). */
const IN_PROCESS_ORIGIN = 'http://demo.test';

const INDEX = {
  name: 'Holdfast demo: reports, at once or later',
  routes: {
    'POST /reports': 'order a report: 202 with Location and Retry-After; members title, rows, template, work, all optional',
    'POST /reports?mode=sync': 'the same report in the answer itself',
    'GET /operations/{id}': 'queued, running with progress, then succeeded, failed or cancelled; with ETag',
    'DELETE /operations/{id}': 'cancel it',
    'GET /reports/{id}': 'the report',
    'GET /reports': `the newest ${LISTED_REPORTS} reports`,
    'GET /problems/{name}': 'what a problem means',
  },
};

function tellOperation(operation: Operation): OperationBody {
  const { id, status, step, createdAt, startedAt, endedAt, report, error } = operation;
  return {
    id,
    status,
    progress: Math.round((step * 100) / STEPS),
    createdAt: timestamp(createdAt),
    ...(startedAt === undefined ? {} : { startedAt: timestamp(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: timestamp(endedAt) }),
    ...(report === undefined ? {} : { resultUrl: `/reports/${report.id}`, result: report.report }),
    ...(error === undefined ? {} : { error }),
  };
}

function listed({ id, operation, createdAt, report }: StoredReport): object {
  return {
    url: `/reports/${id}`,
    title: report.title,
    createdAt: timestamp(createdAt),
    ...(operation === undefined ? {} : { operation: `/operations/${operation}` }),
  };
}

function timestamp(moment: Millis): string {
  return new Date(moment).toISOString();
}

function ended({ status }: Operation): boolean {
  return status !== 'queued' && status !== 'running';
}

function reportTag(createdAt: Millis): string {
  return `"${createdAt.toString(36)}"`;
}

/** Whether If-None-Match lists the tag; compared weakly (RFC 9110 §8.8.3.2). */
function matches(field: string, etag: string): boolean {
  return field.split(',').some((item) => item.trim() === '*' || item.trim().replace(/^W\//, '') === etag);
}

function readMode(url: URL): 'sync' | 'async' | Problem {
  if (url.search === '') return 'async';
  const modes = url.searchParams.getAll('mode');
  const [mode = 'async'] = modes;
  if (modes.length > 1) return problem('invalid-query', `mode is given ${modes.length} times`);
  if (mode === 'sync' || mode === 'async') return mode;
  return problem('invalid-query', `expected mode=sync or mode=async, received mode=${show(mode)}`);
}

interface Refusal {
  readonly refusal: Problem;
  readonly headers: Record<string, string>;
}

function isRefusal(body: object): body is Refusal {
  return 'refusal' in body;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The body as JSON; undefined when it is empty. Reads no more than {@link MAX_BODY_BYTES} and one chunk. */
async function readJson(request: Request): Promise<{ readonly json: unknown } | Refusal> {
  if (request.body === null) return { json: undefined };
  const { headers } = request;
  const coding = headers.get('content-encoding');
  if (coding !== null && coding.toLowerCase() !== 'identity') {
    return {
      refusal: problem('unsupported-media-type', `expected no Content-Encoding, received ${show(coding)}`),
      headers: { 'accept-encoding': 'identity' },
    };
  }
  const chunks: Uint8Array[] = [];
  let size = Number(headers.get('content-length') ?? 0) > MAX_BODY_BYTES ? Number.POSITIVE_INFINITY : 0;
  if (size === 0) {
    // By hand, since text() has no bound.
    const reader = (request.body as ReadableStream<Uint8Array>).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.byteLength;
      if (size > MAX_BODY_BYTES) {
        await reader.cancel();
        break;
      }
      chunks.push(next.value);
    }
  }
  if (size > MAX_BODY_BYTES) {
    return { refusal: problem('too-large', `expected at most ${MAX_BODY_BYTES} bytes`), headers: {} };
  }
  if (size === 0) return { json: undefined };
  const type = headers.get('content-type');
  const media = type?.split(';')[0]?.trim().toLowerCase();
  if (media !== undefined && media !== 'application/json' && !/^application\/[\w.!#$&^-]+\+json$/.test(media)) {
    return {
      refusal: problem('unsupported-media-type', `expected application/json, received ${show(type)}`),
      headers: { accept: 'application/json' },
    };
  }
  try {
    return { json: JSON.parse(utf8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))) as unknown };
  } catch (error) {
    return { refusal: problem('invalid-json', error instanceof Error ? error.message : String(error)), headers: {} };
  }
}

/** What `work` resolves to, or the signal's reason when it aborts before. */
function orAbort<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (signal === null || signal === undefined) return work;
  // Cheaper than a race, and every request comes through here.
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    const forget = (): void => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop, { once: true });
    work.then(forget, forget);
    work.then(resolve, reject);
  });
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
