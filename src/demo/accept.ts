import type { Millis } from '../time/index.ts';
import { keyOf, once, respond } from './once.ts';
import { problem } from './problem.ts';
import { isProblem } from './report.ts';
import type { World } from './route.ts';
import { messaging } from './observe.ts';
import { isEnded, type Operation, type Wanted } from './store.ts';
import { writeTrace } from './tracing.ts';
import { pickUpDelay } from './worker.ts';

/** The most accepted jobs that may wait at a time; more are answered with 503. */
const MAX_WAITING_JOBS = 10_000;
/** When to come back to a server that has too much to do, in seconds. */
const BUSY_RETRY_AFTER_S = 5;

/**
 * Accepts work now that is done later: 202 with the monitor in Location, once the order is kept.
 *
 * @param work how long it is thought to take, in milliseconds
 */
export async function accept(world: World, request: Request, wanted: Wanted, work: Millis): Promise<Response> {
  const { clock, parts, answers, worker, tracing, closing, nameOperation } = world;
  const { refuse } = answers;
  if (closing()) return refuse(problem('closing', 'it takes no more orders'));
  if (worker.size >= MAX_WAITING_JOBS) {
    return refuse(problem('busy', `${MAX_WAITING_JOBS} jobs are waiting`), { 'retry-after': String(BUSY_RETRY_AFTER_S) });
  }
  const keyed = keyOf(request, parts, wanted.owner ?? '', wanted.order);
  if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
  const sent = tracing.begin(messaging('send', wanted.kind), tracing.current());
  const trace = writeTrace(sent.context);
  let id = '';
  const accepted = await once(parts, keyed, function* () {
    const operation = yield* parts.store.accept({ ...wanted, trace }, clock.wall(), nameOperation);
    ({ id } = operation);
    const headers = { location: `/operations/${id}`, ...politeness(world, operation) };
    return { status: 202, body: parts.tell(operation), headers };
  });
  // Not before it is kept: the worker would not find it.
  if (accepted.fresh) {
    parts.deliver({ id, from: 'queued' }, pickUpDelay(work), work);
    sent.end({ attributes: { 'messaging.message.id': id } });
  }
  return respond(answers, accepted);
}

/** When to look again, while it makes sense to. */
export function politeness({ parts }: World, operation: Operation): Record<string, string> {
  const wish = isEnded(operation) ? undefined : parts.retryAfter(operation);
  return wish === undefined ? {} : { 'retry-after': wish };
}
