import { show } from '../../errors.ts';
import { MAX_WAIT_MS, politeness, sceneOf, untilEnded } from '../accept.ts';
import type { Reply } from '../answers.ts';
import { isRefusal, readJson } from '../body.ts';
import { all, one } from '../db.ts';
import type { Dialect } from '../dialects/dialect.ts';
import { tripSteps } from '../kinds/trip.ts';
import { isRefused } from '../once.ts';
import type { OperationBody } from '../parts.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem, partialReport, type ReportOrder, type writeReport } from '../report.ts';
import { timestamp, type Answer, type Asked, type Route, type Routes, type World } from '../route.ts';
import { asksFor, EVENT_STREAM } from '../sse.ts';
import { isEnded, progressOf, STEPS, type Operation } from '../store.ts';

/** How many operations the collection lists. */
const LISTED_OPERATIONS = 100;

/** What was accepted: how far it is, and an end to it. Where that is, and how it is told, is the dialect's. */
export function operationRoutes(world: World): Routes {
  const { clock, db, parts, answers, worker, dialect, feed } = world;
  const { json, reply, refuse, conditional, empty } = answers;
  const { place, cancel: cancelling, result, gone } = dialect;
  const forgets = cancelling.forgets !== undefined || dialect.dropped !== undefined;

  const missing = (id: string): Problem => {
    const told = problem('not-found', `there is no operation ${show(id)}`);
    return dialect.missing === undefined ? told : { ...told, type: dialect.missing };
  };
  const isForgotten = async (id: string): Promise<boolean> =>
    forgets && (await db.single(() => one('SELECT 1 AS found FROM forgotten WHERE id = ?', id))) !== undefined;
  const forget = (id: string): Promise<unknown> =>
    db.transact(() => all('INSERT INTO forgotten (id) VALUES (?) ON CONFLICT (id) DO NOTHING', id));

  /** The operation, if this caller may still know of it; or what is told instead. */
  const find = async (id: string, { caller }: Asked): Promise<Operation | Problem> => {
    const operation = await parts.store.get(id);
    if (operation === undefined || !parts.maySee(operation.owner, caller?.user ?? '') || (await isForgotten(id)))
      return missing(id);
    if (!parts.isExpired(operation, clock.wall())) return operation;
    return gone === 404 ? missing(id) : problem('expired', `operation ${show(id)} ended long ago`);
  };
  const answer = (
    request: Request,
    operation: Operation,
    tell: (scene: ReturnType<typeof sceneOf>) => Reply | Problem,
  ): Response => {
    const told = tell(sceneOf(world, request, parts.tell(operation)));
    // It may be asked for as a stream, too.
    const headers = { ...politeness(world, operation), 'cache-control': parts.freshness(operation), vary: 'Accept' };
    if (isRefused(told)) return refuse(told, headers);
    const fields = { ...headers, ...told.headers };
    if (told.status !== 200 || request.method === 'POST') return reply(told.status, told.body, fields);
    return conditional(request, parts.etag(operation), fields, () => told.body);
  };
  /** Each change, in the words of this server: no dialect tells of streams. */
  const follow = (request: Request, operation: Operation, { id, signal, caller }: Asked): Response => {
    const known = request.headers.get('last-event-id') ?? '';
    // By this a browser learns that there is no more to come, and does not come back.
    if (isEnded(operation) && known === String(operation.version)) return empty(204);
    return feed.stream((stop) => feed.operation(id, known, stop), { signal, caller });
  };

  const lookBy =
    (tell: Dialect['looked']): Answer =>
    async (request, asked) => {
      const operation = await find(asked.id, asked);
      if (isProblem(operation)) return refuse(operation);
      return asksFor(request, EVENT_STREAM) ? follow(request, operation, asked) : answer(request, operation, tell);
    };

  const cancel: Answer = async (request, asked) => {
    const { id } = asked;
    const before = await find(id, asked);
    if (isProblem(before)) return refuse(before);
    const operation = await parts.store.cancel(id, clock.wall());
    if (operation === undefined) return refuse(missing(id));
    const isLate = isEnded(before) || (operation.status !== 'cancelled' && operation.status !== 'cancelling');
    if (isLate && cancelling.late === undefined && operation.status !== 'cancelled')
      return refuse(problem('already-ended', `it has ${operation.status} and stays so`));
    worker.nudge(id);
    if (cancelling.forgets === 'all' || (cancelling.forgets === 'ended' && isLate)) await forget(id);
    const told = ((isLate ? cancelling.late : undefined) ?? cancelling.answer)(sceneOf(world, request, parts.tell(operation)));
    const tag = told.body === undefined ? {} : { etag: parts.etag(operation) };
    const headers = { 'cache-control': 'no-cache', ...politeness(world, operation), ...tag, ...told.headers };
    return reply(told.status, told.body, headers);
  };

  const drop: Answer = async (request, asked) => {
    const operation = await find(asked.id, asked);
    if (isProblem(operation)) return refuse(operation);
    if (dialect.dropped === undefined) return refuse(missing(asked.id));
    await forget(asked.id);
    const { status, body, headers } = dialect.dropped();
    return reply(status, body, headers);
  };

  const wait: Answer = async (request, asked) => {
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const within = readTimeout(body.json);
    if (within === undefined)
      return refuse(problem('invalid-request', 'timeout: expected seconds as a text such as "10s" or "1.5s"'));
    if (!isProblem(await find(asked.id, asked))) await untilEnded(world, asked.id, within, asked.signal);
    return lookBy(dialect.looked)(request, asked);
  };

  /** `POST` to a monitor, with a verb behind a colon. */
  const act: Answer = async (request, asked) => {
    const colon = asked.id.lastIndexOf(':');
    const [id, verb] = colon === -1 ? [asked.id, ''] : [asked.id.slice(0, colon), asked.id.slice(colon)];
    if (verb === cancelling.by) return cancel(request, { ...asked, id });
    if (verb === ':wait' && dialect.waits === true) return wait(request, { ...asked, id });
    return refuse(problem('not-found', `expected ${cancelling.by} or :wait at the end, received ${show(asked.id, 200)}`));
  };

  const list: Answer = async (request, { caller }) => {
    const now = clock.wall();
    const found: OperationBody[] = [];
    for (const operation of await parts.store.operations(LISTED_OPERATIONS, caller?.user)) {
      if (parts.isExpired(operation, now) || (await isForgotten(operation.id))) continue;
      const { result: _long, partial: _longer, ...body } = parts.tell(operation);
      found.push(body);
    }
    const told = dialect.listed?.(found.map((body) => sceneOf(world, request, body))) ?? { operations: found };
    return json(200, told, { 'cache-control': 'no-cache' });
  };

  const look = lookBy(dialect.looked);
  const member: Route = {
    GET: look,
    ...(cancelling.by === 'DELETE' ? { DELETE: cancel } : {}),
    ...(dialect.dropped === undefined ? {} : { DELETE: drop }),
    ...(cancelling.by === ':cancel' ? { POST: act } : {}),
  };
  return {
    [place.slice(0, -1)]: { GET: list },
    [place]: member,
    ...(cancelling.by === '/cancel' ? { [`${place}{id}/cancel`]: { POST: cancel } } : {}),
    ...(result === undefined ? {} : { [`${place}{id}/${result.name}`]: { GET: lookBy(result.tell) } }),
  };
}

/** What `GET /` tells of these routes. */
export function operationIndex({ place, cancel, result, says }: Dialect): Readonly<Record<string, string>> {
  const one = `${place}{id}`;
  return {
    [`GET ${place.slice(0, -1)}`]: 'the newest of them, without their results',
    [`GET ${one}`]: `how far it is, with ETag; ${says}`,
    ...(result === undefined ? {} : { [`GET ${one}/${result.name}`]: 'what came of it' }),
    [cancel.by === 'DELETE' ? `DELETE ${one}` : `POST ${one}${cancel.by}`]: 'cancel it',
  };
}

/** Seconds as protocol buffers write them; the longest wait when nothing is said. */
function readTimeout(body: unknown): number | undefined {
  const { timeout } = (typeof body === 'object' && body !== null ? body : {}) as { readonly timeout?: unknown };
  if (timeout === undefined) return MAX_WAIT_MS;
  const [, seconds] = typeof timeout === 'string' ? (/^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(timeout) ?? []) : [];
  return seconds === undefined ? undefined : Math.min(Number(seconds) * 1000, MAX_WAIT_MS);
}

/** What a client is told about an operation, unless a bug says otherwise. */
export function tellOperation(operation: Operation, partial: object | undefined): OperationBody {
  const { id, kind, status, noted, step, createdAt, startedAt, endedAt, report, result, error } = operation;
  return {
    id,
    kind,
    status,
    progress: progressOf(step),
    createdAt: timestamp(createdAt),
    ...(startedAt === undefined ? {} : { startedAt: timestamp(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: timestamp(endedAt) }),
    ...(partial === undefined ? {} : { partial }),
    ...(report === undefined ? {} : { resultUrl: `/reports/${report.id}`, result: report.report }),
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
    ...(kind === 'trip' ? { steps: tripSteps(noted) } : {}),
  };
}

/** What there is of the result of an operation: of a report while it is written, of an e-mail or an import unless it succeeded. */
export function partialOf(
  { kind, status, order, step, noted, result }: Operation,
  write: typeof writeReport,
): object | undefined {
  if (kind === 'report') return status === 'running' ? partialReport(order as ReportOrder, step / STEPS, write) : undefined;
  const isTold = kind === 'email' || kind === 'import';
  return isTold && result === undefined ? (noted as object | undefined) : undefined;
}
