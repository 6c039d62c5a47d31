import type { Millis } from '../time/index.ts';
import { eitherOf } from './abort.ts';
import type { Parts } from './parts.ts';
import { problem, type Problem } from './problem.ts';
import { THINGS } from './services/index.ts';
import { addressOf, TIME_LEFT, type ServiceName, type Step } from './services/service.ts';

/** How long one call may take, in milliseconds. */
export const CALL_TIMEOUT_MS: Millis = 5_000;
/** How long to wait until what failed is tried again: from and up to, in milliseconds. */
const AGAIN_MS = [1_000, 60_000] as const;

/** How long to wait after so many tries that failed, in milliseconds: each time twice as long. */
export function waitAfter(tries: number): Millis {
  const [first, most] = AGAIN_MS;
  return Math.min(most, first * 2 ** (tries - 1));
}

/** How far the steps came. */
export interface Attempt {
  /** Why they did not all succeed. */
  readonly failure: Problem | undefined;
  /** How many were begun, and how many are known to be done. */
  readonly begun: number;
  readonly done: number;
}

/**
 * Takes steps one after the other until one fails, the time is up or the signal aborts.
 *
 * @param deadline a moment of the clock: each call is told how much is left of the time until then
 */
export async function take(
  parts: Parts,
  steps: readonly Step[],
  deadline: Millis,
  signal: AbortSignal | undefined,
): Promise<Attempt> {
  const { clock } = parts;
  for (const [done, step] of steps.entries()) {
    const left = parts.timeFor(deadline - clock.now());
    if (signal?.aborted === true) return { failure: problem('hung-up', 'the client has gone'), begun: done, done };
    if (!(left > 0)) return { failure: problem('deadline-passed', `no time was left for ${step.service}`), begun: done, done };
    const failure = await call(parts, step, 'PUT', left, signal);
    if (failure !== undefined) return { failure, begun: done + 1, done };
  }
  return { failure: undefined, begun: steps.length, done: steps.length };
}

/**
 * Undoes steps, the last first; of those after one that could not be undone nothing is tried.
 *
 * @returns why one could not be undone; undefined when all are
 */
export async function undo(parts: Parts, steps: readonly Step[]): Promise<Problem | undefined> {
  for (const step of parts.undone(steps)) {
    const failure = await call(parts, step, 'DELETE', CALL_TIMEOUT_MS, undefined);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** Has a step done or undone; undefined when it is. */
export async function call(
  parts: Parts,
  { service, key, body }: Step,
  method: 'PUT' | 'DELETE',
  left: Millis,
  signal: AbortSignal | undefined,
): Promise<Problem | undefined> {
  const order = method === 'PUT' ? body : undefined;
  return (await send(parts, service, method, `${THINGS[service]}/${key}`, order, left, signal)).failure;
}

/** What a service said: the JSON of its answer, or why there is none. */
export interface Said {
  readonly failure: Problem | undefined;
  readonly answer?: unknown;
}

/** Sends one request to a service, and waits for its answer no longer than what is left, nor than {@link CALL_TIMEOUT_MS}. */
export async function send(
  { clock, fetch }: Parts,
  service: ServiceName,
  method: 'PUT' | 'POST' | 'DELETE',
  path: string,
  body: object | undefined,
  left: Millis,
  signal: AbortSignal | undefined,
): Promise<Said> {
  const ms = Math.min(left, CALL_TIMEOUT_MS);
  const limited = eitherOf(signal === undefined ? [] : [signal], { clock, ms });
  try {
    const response = await fetch(`${addressOf(service)}/${path}`, {
      method,
      signal: limited.signal,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', [TIME_LEFT]: String(Math.floor(ms)) } }),
    });
    if (response.ok) return { failure: undefined, answer: response.status === 204 ? undefined : await response.json() };
    return { failure: await reason(service, response) };
  } catch (error) {
    if (signal?.aborted === true) return { failure: problem('hung-up', 'the client has gone') };
    if (limited.signal.aborted)
      return { failure: problem('service-timeout', `${service} did not answer within ${Math.floor(ms)} ms`) };
    const why = error instanceof Error ? error.message : String(error);
    return { failure: problem('service-failed', `${service} cannot be reached: ${why}`) };
  } finally {
    limited.done();
  }
}

/** The problem that a service tells of what it was asked; one of ours where it tells none, or failed itself. */
async function reason(service: ServiceName, response: Response): Promise<Problem> {
  const { status } = response;
  const body = (await response.json().catch(() => undefined)) as Partial<Problem> | undefined;
  const { type, title, detail } = body ?? {};
  const told = typeof type === 'string' && typeof title === 'string' && typeof detail === 'string';
  if (told && status < 500) return { type, title, status, detail };
  const said = `${service} answered ${status}${told ? `: ${detail}` : ''}`;
  return problem(status === 504 ? 'deadline-passed' : 'service-failed', said);
}
