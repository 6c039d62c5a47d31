import type { Millis } from '../time/index.ts';
import type { Work } from './db.ts';
import { keyOf, once, respond } from './once.ts';
import { problem } from './problem.ts';
import { isProblem } from './report.ts';
import type { World } from './route.ts';
import { isEnded, type Operation, type Wanted } from './store.ts';
import { pickUpDelay } from './worker.ts';

/** The most accepted jobs that may wait at a time; more are answered with 503. */
const MAX_WAITING_JOBS = 10_000;
/** When to come back to a server that has too much to do, in seconds. */
const BUSY_RETRY_AFTER_S = 5;

/**
 * Accepts work now that is done later: 202 with the monitor in Location, once the order is kept.
 *
 * @param work how long it is thought to take, in milliseconds
 * @param options.asked what the client asked for, where the order differs from it
 * @param options.alongside what is to be kept in the same transaction
 */
export async function accept(
  world: World,
  request: Request,
  wanted: Wanted,
  work: Millis,
  options: { readonly asked?: object; readonly alongside?: (operation: Operation) => Work<void> } = {},
): Promise<Response> {
  const { clock, parts, answers, worker, closing, nameOperation } = world;
  const { refuse } = answers;
  if (closing()) return refuse(problem('closing', 'it takes no more orders'));
  if (worker.size >= MAX_WAITING_JOBS) {
    return refuse(problem('busy', `${MAX_WAITING_JOBS} jobs are waiting`), { 'retry-after': String(BUSY_RETRY_AFTER_S) });
  }
  const keyed = keyOf(request, parts, wanted.owner ?? '', options.asked ?? wanted.order);
  if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
  let id = '';
  const accepted = await once(parts, keyed, function* () {
    const operation = yield* parts.store.accept(wanted, clock.wall(), nameOperation);
    ({ id } = operation);
    if (options.alongside !== undefined) yield* options.alongside(operation);
    const headers = { location: `/operations/${id}`, ...politeness(world, operation) };
    return { status: 202, body: parts.tell(operation), headers };
  });
  // Not before it is kept: the worker would not find it.
  if (accepted.fresh) parts.deliver({ id, from: 'queued' }, pickUpDelay(work), work);
  return respond(answers, accepted);
}

/** When to look again, while it makes sense to. */
export function politeness({ parts }: World, operation: Operation): Record<string, string> {
  const wish = isEnded(operation) ? undefined : parts.retryAfter(operation);
  return wish === undefined ? {} : { 'retry-after': wish };
}
