import { show } from '../../errors.ts';
import type { Millis } from '../../time/index.ts';
import { isRefusal, readJson } from '../body.ts';
import type { OperationBody } from '../parts.ts';
import { keyOf, once, respond } from '../once.ts';
import { problem, type Problem } from '../problem.ts';
import { isProblem, readOrder } from '../report.ts';
import { timestamp, type Answer, type Routes, type World } from '../route.ts';
import { STEPS, type Naming, type Operation, type StoredReport } from '../store.ts';
import { pickUpDelay } from '../worker.ts';

/** The most accepted jobs that may wait at a time; more are answered with 503. */
const MAX_WAITING_JOBS = 10_000;
/** How many reports the collection lists. */
export const LISTED_REPORTS = 100;
/** When to come back to a server that has too much to do, in seconds. */
const BUSY_RETRY_AFTER_S = 5;

/** Reports, at once or later, and the operations that make them. */
export function reportRoutes(world: World, nameReport: Naming, nameOperation: Naming): Routes {
  const { clock, parts, answers, worker, naps, work, closing } = world;
  const { json, refuse, conditional } = answers;
  const politeness = (operation: Operation): Record<string, string> => {
    const wish = ended(operation) ? undefined : parts.retryAfter(operation);
    return wish === undefined ? {} : { 'retry-after': wish };
  };

  const order: Answer = async (request, { url, signal, caller }) => {
    const mode = readMode(url);
    if (typeof mode !== 'string') return refuse(mode);
    const body = await readJson(request);
    if (isRefusal(body)) return refuse(body.refusal, body.headers);
    const wanted = readOrder(body.json, work);
    if (isProblem(wanted)) return refuse(wanted);
    if (closing()) return refuse(problem('closing', 'it takes no more orders'));
    const owner = caller?.user ?? '';
    if (mode === 'sync') {
      const key = `sync/${++calls}`;
      const hangUp = (): void => naps.wake(key);
      signal.addEventListener('abort', hangUp, { once: true });
      if (!signal.aborted) await naps.take(wanted.work, key);
      signal.removeEventListener('abort', hangUp);
      // Nobody is left to tell: nothing is kept.
      signal.throwIfAborted();
      if (closing()) return refuse(problem('closing', 'the report was not finished'));
      const outcome = parts.write(wanted);
      if (isProblem(outcome)) return refuse(outcome);
      const { id, createdAt, report } = await parts.store.addReport(outcome, undefined, clock.wall(), nameReport, owner);
      return json(200, report, { 'content-location': `/reports/${id}`, etag: reportTag(createdAt), 'cache-control': 'no-cache' });
    }
    if (worker.size >= MAX_WAITING_JOBS) {
      return refuse(problem('busy', `${MAX_WAITING_JOBS} reports are waiting`), { 'retry-after': String(BUSY_RETRY_AFTER_S) });
    }
    const keyed = keyOf(request, parts, owner, wanted);
    if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
    let id = '';
    const accepted = await once(parts, keyed, function* () {
      const operation = yield* parts.store.accept(wanted, clock.wall(), nameOperation, owner);
      ({ id } = operation);
      const headers = { location: `/operations/${id}`, ...politeness(operation) };
      return { status: 202, body: parts.tell(operation), headers };
    });
    // Not before it is kept: the worker would not find it.
    if (accepted.fresh) parts.deliver({ id, from: 'queued' }, pickUpDelay(wanted.work), wanted);
    return respond(answers, accepted);
  };
  let calls = 0;

  const look: Answer = async (request, { id, caller }) => {
    const operation = await parts.store.get(id);
    if (operation === undefined || !parts.maySee(operation.owner, caller?.user ?? ''))
      return refuse(problem('not-found', `there is no operation ${show(id)}`));
    if (parts.isExpired(operation, clock.wall())) return refuse(problem('expired', `operation ${show(id)} ended long ago`));
    return conditional(request, parts.etag(operation), politeness(operation), () => parts.tell(operation));
  };

  const cancel: Answer = async (_request, { id, caller }) => {
    const before = await parts.store.get(id);
    const operation =
      before !== undefined && parts.maySee(before.owner, caller?.user ?? '')
        ? await parts.store.cancel(id, clock.wall())
        : undefined;
    if (operation === undefined) return refuse(problem('not-found', `there is no operation ${show(id)}`));
    if (operation.status !== 'cancelled') return refuse(problem('already-ended', `it has ${operation.status} and stays so`));
    worker.nudge(id);
    return json(200, parts.tell(operation), { etag: parts.etag(operation), 'cache-control': 'no-cache' });
  };

  const showReport: Answer = async (request, { id, caller }) => {
    const found = await parts.store.report(id);
    if (found === undefined || !parts.maySee(found.owner, caller?.user ?? ''))
      return refuse(problem('not-found', `there is no report ${show(id)}`));
    return conditional(request, reportTag(found.createdAt), {}, () => found.report);
  };

  const listReports: Answer = async (_request, { caller }) => {
    const reports = await parts.store.reports(LISTED_REPORTS, caller?.user);
    return json(200, { reports: reports.map(listed) }, { 'cache-control': 'no-cache' });
  };

  return {
    '/reports': { GET: listReports, POST: order },
    '/reports/': { GET: showReport },
    '/operations/': { GET: look, DELETE: cancel },
  };
}

/** What a client is told about an operation, unless a bug says otherwise. */
export function tellOperation(operation: Operation): OperationBody {
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

function ended({ status }: Operation): boolean {
  return status !== 'queued' && status !== 'running';
}

function reportTag(createdAt: Millis): string {
  return `"${createdAt.toString(36)}"`;
}

function readMode(url: URL): 'sync' | 'async' | Problem {
  if (url.search === '') return 'async';
  const modes = url.searchParams.getAll('mode');
  const [mode = 'async'] = modes;
  if (modes.length > 1) return problem('invalid-query', `mode is given ${modes.length} times`);
  if (mode === 'sync' || mode === 'async') return mode;
  return problem('invalid-query', `expected mode=sync or mode=async, received mode=${show(mode)}`);
}
