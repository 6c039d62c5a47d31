import type { Millis } from '../time/index.ts';
import type { Work } from './db.ts';
import { outcomeOf, type Scene } from './dialects/dialect.ts';
import type { Reply } from './answers.ts';
import { fail, isRefused, keyOf, once, respond, settle, whileItIs } from './once.ts';
import type { OperationBody } from './parts.ts';
import { readPrefer } from './prefer.ts';
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
/** The longest that an answer is held back for the end of the work, in milliseconds. */
export const MAX_WAIT_MS: Millis = 60_000;
/** How long it is until the next look for the end, in milliseconds: this, then a share of the time that was waited. */
const LOOK_MS: Millis = 50;
const LOOK_SHARE = 0.05;

/**
 * Accepts work now that is done later, as the dialect has it, once the order is kept. With `Prefer: wait=N` (RFC 7240 §4.3) the
 * answer is held back for N seconds, and is the synchronous one if the work is done by then; a dialect that is asynchronous only
 * when it is asked to holds it back without that.
 *
 * @param signal aborts when the client hangs up
 * @param work how long it is thought to take, in milliseconds
 * @param options.asked what the client asked for, where the order differs from it
 * @param options.alongside what is to be kept in the same transaction
 */
export async function accept(
  world: World,
  request: Request,
  signal: AbortSignal,
  wanted: Wanted,
  work: Millis,
  options: Accepting = {},
): Promise<Response> {
  const response = await acceptOrWait(world, request, signal, wanted, work, options);
  response.headers.append('vary', 'Prefer');
  return response;
}

/** What goes with an order. */
interface Accepting {
  readonly asked?: object;
  readonly alongside?: (operation: Operation) => Work<void>;
}

async function acceptOrWait(
  world: World,
  request: Request,
  signal: AbortSignal,
  wanted: Wanted,
  work: Millis,
  options: Accepting,
): Promise<Response> {
  const { clock, parts, answers, worker, tracing, closing, nameOperation, dialect } = world;
  const { refuse } = answers;
  if (closing()) return refuse(problem('closing', 'it takes no more orders'));
  if (worker.size >= MAX_WAITING_JOBS) {
    return refuse(problem('busy', `${MAX_WAITING_JOBS} jobs are waiting`), { 'retry-after': String(BUSY_RETRY_AFTER_S) });
  }
  const keyed = keyOf(request, parts, wanted.owner ?? '', options.asked ?? wanted.order);
  if (keyed !== undefined && isProblem(keyed)) return refuse(keyed);
  const wishes = readPrefer(request.headers.get('prefer'));
  const isAsync = wishes.get('respond-async') === '';
  const seconds = /^\d{1,9}$/.exec(wishes.get('wait') ?? '')?.[0];
  const mustWait = dialect.onlyIfAsked === true && !isAsync;
  // Where there is nothing but the end to be told, it is waited for in any case.
  const wait = mustWait || seconds === undefined ? undefined : Number(seconds) * 1000;
  const applied = [...(isAsync ? ['respond-async'] : []), ...(wait === undefined ? [] : [`wait=${seconds}`])].join(', ');

  const sent = tracing.begin(messaging('send', wanted.kind), tracing.current());
  const trace = writeTrace(sent.context);
  const accepted = await once(parts, keyed, function* () {
    const operation = yield* parts.store.accept({ ...wanted, trace }, clock.wall(), nameOperation);
    if (options.alongside !== undefined) yield* options.alongside(operation);
    const reply = dialect.accepted(sceneOf(world, request, parts.tell(operation)));
    const headers = {
      ...reply.headers,
      ...politeness(world, operation),
      ...(applied === '' ? {} : { 'preference-applied': applied }),
    };
    return { ...reply, headers, operation: operation.id, open: true };
  });
  const { told, fresh } = accepted;
  if (isRefused(told) || told.operation === undefined) return respond(answers, accepted, parts);
  const { operation: id, open = false } = told;
  // Not before it is kept: the worker would not find it.
  if (fresh) {
    parts.deliver({ id, from: 'queued' }, pickUpDelay(work), work);
    sent.end({ attributes: { 'messaging.message.id': id } });
  }
  if (!open || !(mustWait || (fresh && wait !== undefined))) return respond(answers, accepted, parts);

  const ended = await untilEnded(world, id, Math.min(wait ?? MAX_WAIT_MS, MAX_WAIT_MS), signal);
  const tellEnd = async (operation: Operation): Promise<Response> => {
    const scene = sceneOf(world, request, parts.tell(operation));
    const outcome = (dialect.atOnce ?? outcomeOf)(scene);
    const headers: Record<string, string> = wait === undefined ? {} : { 'preference-applied': `wait=${seconds}` };
    const reply: Reply = isRefused(outcome)
      ? { status: outcome.status, headers, problem: outcome, operation: id }
      : { ...outcome, headers: { ...outcome.headers, ...headers }, operation: id };
    if (keyed !== undefined) await parts.db.transact(() => whileItIs(keyed.id, id, () => settle(keyed.id, reply, parts)));
    return respond(answers, { told: reply, fresh }, parts);
  };
  if (ended !== undefined) return tellEnd(ended);
  if (!mustWait) return respond(answers, accepted, parts);
  if (closing()) return refuse(problem('closing', 'the work was not finished'));
  // Whoever sent it first still waits for it, or will: it is theirs to give up.
  if (!fresh) return respond(answers, { told: problem('in-flight', 'the work under this key goes on'), fresh }, parts);
  // Nobody was told where to look.
  const left = await parts.store.cancel(id, clock.wall());
  // It ended just before: what was done is told, rather than that it was not.
  if (left !== undefined && isEnded(left) && left.status !== 'cancelled') return tellEnd(left);
  worker.nudge(id);
  const why = problem('too-slow', 'expected it to be done in time, and it is not');
  if (keyed !== undefined) await parts.db.transact(() => whileItIs(keyed.id, id, () => fail(keyed.id, why, parts)));
  return refuse(why);
}

/** When to look again, while it makes sense to. */
export function politeness({ parts }: World, operation: Operation): Record<string, string> {
  const wish = isEnded(operation) ? undefined : parts.retryAfter(operation);
  return wish === undefined ? {} : { 'retry-after': wish };
}

/** An operation as the dialect needs it, with the addresses that the client is told. */
export function sceneOf({ parts, dialect }: World, request: Request, told: OperationBody): Scene {
  const { place, result } = dialect;
  const origin = originOf(request);
  const monitor = `${place}${told.id}`;
  return {
    told,
    monitor: parts.linkTo(monitor, origin),
    result: parts.linkTo(result === undefined ? (told.resultUrl ?? monitor) : `${monitor}/${result.name}`, origin),
    accept: request.headers.get('accept') ?? '',
  };
}

/** What the client calls this server. */
function originOf({ url, headers }: Request): string {
  const { protocol, host } = new URL(url);
  const called = headers.get('host');
  return `${protocol}//${called !== null && /^[\w.-]{1,253}(?::\d{1,5})?$|^\[[\da-f:]{2,45}\](?::\d{1,5})?$/i.test(called) ? called : host}`;
}

/** The operation at its end; undefined when that has not come in time, the client hung up, or the server goes down. */
export async function untilEnded(
  { clock, parts, naps, closing }: World,
  id: string,
  within: Millis,
  signal: AbortSignal,
): Promise<Operation | undefined> {
  const began = clock.now();
  for (;;) {
    const operation = await parts.store.get(id);
    if (operation === undefined || isEnded(operation)) return operation;
    const waited = clock.now() - began;
    const left = within - waited;
    if (left <= 0 || closing() || signal.aborted) return undefined;
    await naps.take(Math.min(Math.max(LOOK_MS, waited * LOOK_SHARE), left), `wait/${id}`);
  }
}
