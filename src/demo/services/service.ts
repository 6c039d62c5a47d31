import { HarnessError } from '../../errors.ts';
import { parseDuration, seeded, type Clock, type Duration } from '../../time/index.ts';
import { orAbort } from '../abort.ts';
import { answersOn } from '../answers.ts';
import { isRefusal, readJson } from '../body.ts';
import { all, next, one, sqliteDb, type Db } from '../db.ts';
import { problem, type Problem } from '../problem.ts';
import { readContext, type Tracing } from '../tracing.ts';

/** A service of another company, which the demo calls. */
export type ServiceName = 'payment' | 'seat' | 'ticket' | 'hotel' | 'car';

/** What a service does, and when it refuses to. */
export interface Trade {
  readonly name: ServiceName;
  /** What it keeps, as the first part of the path. */
  readonly things: string;
  /** How long it works on one, in milliseconds, unless it is told otherwise. */
  readonly work: number;
  /** What it refuses, for those who want to see a refusal. */
  readonly refuses: string;
  /** A member of its orders that is kept nowhere but in its vault: `POST /tokens` gives a token that can be sent in its place. */
  readonly secret?: string;
  /** Why it will not do this; undefined when it will. */
  readonly refusal: (body: Readonly<Record<string, unknown>>) => Problem | undefined;
}

/** What services are made with. */
export interface ServiceOptions {
  readonly clock: Clock;
  /** A file that outlives the process, or `:memory:` (the default). */
  readonly store?: string;
  /** A database with {@link SERVICE_TABLES} instead, which it closes at its end. */
  readonly db?: Db;
  readonly work?: Duration;
  /** Makes spans of what the services are asked; none by default. */
  readonly tracing?: Tracing;
}

/** One thing that a service is to do. */
export interface Step {
  readonly service: ServiceName;
  /** By this it is done once, and undone. */
  readonly key: string;
  readonly body: object;
}

/** One thing that a service was told to do, or not to do. */
export interface Effect {
  readonly key: string;
  /** `cancelled` also of a thing that was never made: it never will be. */
  readonly status: 'made' | 'cancelled';
  readonly body: unknown;
}

/** One of the services: what it answers, and what it did. */
export interface Service {
  readonly name: ServiceName;
  readonly handle: (request: Request) => Promise<Response>;
  /** All that was done and undone, in the order of its beginning: for those who look from outside. */
  effects(): Promise<readonly Effect[]>;
  close(): Promise<void>;
}

/** The field that tells how much time the caller has left, in milliseconds. */
export const TIME_LEFT = 'x-time-left-ms';

/** What each service keeps. */
export const SERVICE_TABLES: readonly string[] = [
  `
  CREATE TABLE effects (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('made', 'cancelled')),
    content TEXT NOT NULL
  ) STRICT;
  CREATE TABLE tokens (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    secret TEXT NOT NULL
  ) STRICT;
`,
];

/** How long it takes to give a token, as a share of the work. */
const TOKEN_SHARE = 0.25;

interface Row {
  readonly id: string;
  readonly status: Effect['status'];
  readonly content: string;
}

/**
 * A small service with a store of its own. `PUT /{things}/{key}` does a thing once, however often it is sent; `DELETE` undoes it, or
 * sees to it that a request that is still on its way will not do it. What it began it ends, though nobody waits for the answer.
 * Where its orders have a secret, `POST /tokens` gives a token for it.
 *
 * @throws HarnessError `store-unavailable`
 */
export function service(trade: Trade, options: ServiceOptions): Service {
  const { clock } = options;
  const work = options.work === undefined ? trade.work : parseDuration(options.work, `${trade.name}.work`);
  const db = options.db ?? sqliteDb(options.store ?? ':memory:', SERVICE_TABLES);
  const { json, refuse, empty } = answersOn(clock);
  let closed = false;

  const told = ({ id, status, content }: Row): object => ({ key: id, status, ...(JSON.parse(content) as object) });
  const withoutSecret = (order: object): object =>
    Object.fromEntries(Object.entries(order).filter(([member]) => member !== trade.secret));
  const find = (key: string): Promise<Row | undefined> =>
    db.single(() => one<Row>('SELECT id, status, content FROM effects WHERE id = ?', key));
  const keep = (key: string, status: Effect['status'], body: object): Promise<Row> =>
    db.transact(function* () {
      const sql = `INSERT INTO effects (n, id, status, content) SELECT coalesce(max(n), 0) + 1, ?, ?, ? FROM effects WHERE true
        ON CONFLICT (id) DO NOTHING`;
      yield* all(sql, key, status, JSON.stringify(body));
      return (yield* one<Row>('SELECT id, status, content FROM effects WHERE id = ?', key))!;
    });
  const answerFor = (row: Row): Response =>
    row.status === 'made' ? json(200, told(row)) : refuse(problem('cancelled', `${row.id} was cancelled`));

  const put = async (request: Request, key: string): Promise<Response> => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    if (typeof body.json !== 'object' || body.json === null || Array.isArray(body.json))
      return refuse(problem('invalid-order', 'expected a JSON object'));
    const known = await find(key);
    if (known !== undefined) return answerFor(known);
    const left = request.headers.get(TIME_LEFT);
    // Work that nobody will wait for to its end is not begun.
    if (left !== null && Number(left) < work)
      return refuse(problem('no-time', `it takes ${work} ms, and the caller has ${left} left`));
    await clock.sleep(work);
    if (closed) return refuse(problem('closing', 'the request was not finished'));
    const order = await withSecret(body.json as Record<string, unknown>);
    if (order === undefined) return refuse(problem('invalid-order', `there is no such token for a ${trade.secret}`));
    const why = trade.refusal(order);
    return why === undefined ? answerFor(await keep(key, 'made', withoutSecret(body.json))) : refuse(why);
  };

  /** The order with what its token stands for; undefined when that stands for nothing. */
  const withSecret = async (order: Readonly<Record<string, unknown>>): Promise<typeof order | undefined> => {
    const { token } = order;
    if (trade.secret === undefined || typeof token !== 'string') return order;
    const found = await db.single(() => one<{ secret: string }>('SELECT secret FROM tokens WHERE id = ?', token));
    return found === undefined ? undefined : { ...order, [trade.secret]: found.secret };
  };

  const tokenise = async (request: Request, member: string): Promise<Response> => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const secret = (body.json as Readonly<Record<string, unknown>> | null | undefined)?.[member];
    if (typeof secret !== 'string') return refuse(problem('invalid-order', `expected a JSON object with a text ${member}`));
    await clock.sleep(work * TOKEN_SHARE);
    if (closed) return refuse(problem('closing', 'the request was not finished'));
    const token = await db.transact(function* () {
      const n = yield* next('tokens');
      // Whoever knows it can pay with it in this demo alone, so that it need not be hard to guess.
      const id = `tok_${seeded(`${trade.name}/tokens/${n}`).hex(8)}`;
      yield* all('INSERT INTO tokens (n, id, secret) VALUES (?, ?, ?)', n, id, secret);
      return id;
    });
    return json(201, { token });
  };

  const cancel = async (key: string): Promise<Response> => {
    await keep(key, 'cancelled', {});
    await db.single(() => all("UPDATE effects SET status = 'cancelled' WHERE id = ?", key));
    return empty(204);
  };

  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === '/tokens' && trade.secret !== undefined) {
      if (request.method === 'POST') return tokenise(request, trade.secret);
      return refuse(problem('method-not-allowed', `${request.method} is not served here; there is POST`), { allow: 'POST' });
    }
    const [, things, key = ''] = /^\/([a-z]+)(?:\/([\w.~-]{1,200}))?$/.exec(pathname) ?? [];
    if (things !== trade.things) return refuse(problem('not-found', `this is the ${trade.name} service`));
    const { method } = request;
    if (method === 'PUT' && key !== '') return put(request, key);
    if (method === 'DELETE' && key !== '') return cancel(key);
    if (method === 'GET' && key === '') {
      const rows = await db.single(() => all<Row>('SELECT id, status, content FROM effects ORDER BY n DESC LIMIT 1000'));
      return json(200, { [things]: rows.map(told) });
    }
    const found = method === 'GET' ? await find(key) : undefined;
    if (found !== undefined) return json(200, told(found));
    if (method === 'GET') return refuse(problem('not-found', `there is nothing with the key ${key}`));
    const allow = key === '' ? 'GET' : 'DELETE, GET, PUT';
    return refuse(problem('method-not-allowed', `${method} is not served here; there are ${allow}`), { allow });
  };

  const tracing = options.tracing?.as(trade.name);
  /** In the trace of whoever calls. */
  const traced = async (request: Request): Promise<Response> => {
    if (tracing === undefined) return answer(request);
    const { headers, method } = request;
    const url = new URL(request.url);
    const route = url.pathname === '/tokens' ? '/tokens' : `/${trade.things}${url.pathname.includes('/', 1) ? '/{key}' : ''}`;
    const attributes = { 'http.request.method': method, 'http.route': route, 'url.path': url.pathname, 'url.scheme': 'http' };
    const start = { name: `${method} ${route}`, kind: 'server', attributes } as const;
    const span = tracing.begin(start, readContext(headers.get('traceparent'), headers.get('tracestate')));
    try {
      const response = await tracing.run(span.context, () => answer(request));
      const { status } = response;
      span.end({ attributes: { 'http.response.status_code': status }, error: status < 500 ? undefined : String(status) });
      return response;
    } catch (error) {
      span.end({ error: error instanceof Error ? error.name : 'unknown' });
      throw error;
    }
  };

  return {
    name: trade.name,
    handle: traced,
    effects: async () => {
      const rows = await db.single(() => all<Row>('SELECT id, status, content FROM effects ORDER BY n'));
      return rows.map(({ id, status, content }) => ({ key: id, status, body: JSON.parse(content) as unknown }));
    },
    close: async () => {
      closed = true;
      await db.close();
    },
  };
}

/** The services by name. */
export interface Services {
  /** `fetch` for the addresses of these services, `http://{name}.demo.test`, without a network. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  readonly all: readonly Service[];
  close(): Promise<void>;
}

/** Where a service is reached in this process; the name is reserved (RFC 6761). */
export function addressOf(name: ServiceName): string {
  return `http://${name}.demo.test`;
}

/**
 * What is at an address of a service.
 *
 * @throws HarnessError `unknown-service`
 */
export function at<T>(byOrigin: ReadonlyMap<string, T>, origin: string): T {
  const found = byOrigin.get(origin);
  if (found !== undefined) return found;
  throw new HarnessError('unknown-service', `there is no service at ${origin}`, `there are ${[...byOrigin.keys()].join(', ')}`);
}

/** Services that are called in this process. */
export function inProcess(all: readonly Service[]): Services {
  const byOrigin = new Map(all.map((one) => [addressOf(one.name), one]));
  return {
    all,
    fetch: async (input, init) => {
      const { signal, ...rest } = init ?? {};
      const request = new Request(input, rest);
      return orAbort(at(byOrigin, new URL(request.url).origin).handle(request), signal);
    },
    close: async () => {
      await Promise.all(all.map((one) => one.close()));
    },
  };
}
