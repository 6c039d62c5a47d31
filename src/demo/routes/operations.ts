import { show } from '../../errors.ts';
import { politeness } from '../accept.ts';
import { tripSteps } from '../kinds/trip.ts';
import type { OperationBody } from '../parts.ts';
import { problem } from '../problem.ts';
import { timestamp, type Answer, type Routes, type World } from '../route.ts';
import { progressOf, type Operation, type OperationKind } from '../store.ts';

/** How many operations the collection lists. */
const LISTED_OPERATIONS = 100;

/** Kinds whose notes are for the client, too. */
const TOLD_PARTIALLY: readonly OperationKind[] = ['email', 'import'];

/** What was accepted: how far it is, and an end to it. */
export function operationRoutes(world: World): Routes {
  const { clock, parts, answers, worker } = world;
  const { json, refuse, conditional } = answers;

  const look: Answer = async (request, { id, caller }) => {
    const operation = await parts.store.get(id);
    if (operation === undefined || !parts.maySee(operation.owner, caller?.user ?? ''))
      return refuse(problem('not-found', `there is no operation ${show(id)}`));
    if (parts.isExpired(operation, clock.wall())) return refuse(problem('expired', `operation ${show(id)} ended long ago`));
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
      { operations: told.map(({ result: _long, partial: _too, ...body }) => body) },
      { 'cache-control': 'no-cache' },
    );
  };

  return { '/operations': { GET: list }, '/operations/': { GET: look, DELETE: cancel } };
}

/** What a client is told about an operation, unless a bug says otherwise. */
export function tellOperation(operation: Operation): OperationBody {
  const { id, kind, status, noted, step, createdAt, startedAt, endedAt, report, result, error } = operation;
  return {
    id,
    kind,
    status,
    progress: progressOf(step),
    createdAt: timestamp(createdAt),
    ...(startedAt === undefined ? {} : { startedAt: timestamp(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: timestamp(endedAt) }),
    ...(report === undefined ? {} : { resultUrl: `/reports/${report.id}`, result: report.report }),
    ...(result === undefined ? {} : { result }),
    ...(TOLD_PARTIALLY.includes(kind) && result === undefined && noted !== undefined ? { partial: noted as object } : {}),
    ...(error === undefined ? {} : { error }),
    ...(kind === 'trip' ? { steps: tripSteps(noted) } : {}),
  };
}
