import { show } from '../../errors.ts';
import { politeness } from '../accept.ts';
import { tripSteps } from '../kinds/trip.ts';
import type { OperationBody } from '../parts.ts';
import { problem } from '../problem.ts';
import { partialReport, type ReportOrder, type writeReport } from '../report.ts';
import { timestamp, type Answer, type Routes, type World } from '../route.ts';
import { EVENT_STREAM, asksFor } from '../sse.ts';
import { isEnded, progressOf, STEPS, type Operation } from '../store.ts';

/** How many operations the collection lists. */
const LISTED_OPERATIONS = 100;

/** What was accepted: how far it is, and an end to it. */
export function operationRoutes(world: World): Routes {
  const { clock, parts, answers, worker, feed } = world;
  const { json, refuse, conditional, empty } = answers;

  const look: Answer = async (request, { id, caller, signal }) => {
    const operation = await parts.store.get(id);
    if (operation === undefined || !parts.maySee(operation.owner, caller?.user ?? ''))
      return refuse(problem('not-found', `there is no operation ${show(id)}`));
    if (parts.isExpired(operation, clock.wall())) return refuse(problem('expired', `operation ${show(id)} ended long ago`));
    if (asksFor(request, EVENT_STREAM)) {
      const known = request.headers.get('last-event-id') ?? '';
      // By this a browser learns that there is no more to come, and does not come back.
      if (isEnded(operation) && known === String(operation.version)) return empty(204);
      return feed.stream((stop) => feed.operation(id, known, stop), { signal, caller });
    }
    return conditional(request, parts.etag(operation), politeness(world, operation), () => parts.tell(operation));
  };

  const cancel: Answer = async (_request, { id, caller }) => {
    const before = await parts.store.get(id);
    const operation =
      before !== undefined && parts.maySee(before.owner, caller?.user ?? '')
        ? await parts.store.cancel(id, clock.wall())
        : undefined;
    if (operation === undefined) return refuse(problem('not-found', `there is no operation ${show(id)}`));
    const { status } = operation;
    if (status !== 'cancelled' && status !== 'cancelling')
      return refuse(problem('already-ended', `it has ${status} and stays so`));
    worker.nudge(id);
    const headers = { ...politeness(world, operation), etag: parts.etag(operation), 'cache-control': 'no-cache' };
    return json(status === 'cancelled' ? 200 : 202, parts.tell(operation), headers);
  };

  const list: Answer = async (_request, { caller }) => {
    const now = clock.wall();
    const found = await parts.store.operations(LISTED_OPERATIONS, caller?.user);
    const told = found.filter((operation) => !parts.isExpired(operation, now)).map((operation) => parts.tell(operation));
    return json(
      200,
      { operations: told.map(({ result: _long, partial: _longer, ...body }) => body) },
      { 'cache-control': 'no-cache' },
    );
  };

  return { '/operations': { GET: list }, '/operations/': { GET: look, DELETE: cancel } };
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
