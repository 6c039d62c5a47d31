import type { Clock, Millis } from '../time/index.ts';
import type { Parts } from './parts.ts';
import { problem, type Problem } from './problem.ts';
import { THINGS } from './services/index.ts';
import { addressOf, TIME_LEFT, type Step } from './services/service.ts';

/** How long one call may take, in milliseconds. */
export const CALL_TIMEOUT_MS: Millis = 5_000;

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

/** Calls a service; undefined when it did what it was told to. */
async function call(
  { clock, fetch }: Parts,
  { service, key, body }: Step,
  method: 'PUT' | 'DELETE',
  left: Millis,
  signal: AbortSignal | undefined,
): Promise<Problem | undefined> {
  const limit = Math.min(left, CALL_TIMEOUT_MS);
  const limited = timeout(clock, limit, signal);
  try {
    const response = await fetch(`${addressOf(service)}/${THINGS[service]}/${key}`, {
      method,
      signal: limited.signal,
      ...(method === 'DELETE'
        ? {}
        : {
            body: JSON.stringify(body),
            headers: { 'content-type': 'application/json', [TIME_LEFT]: String(Math.floor(limit)) },
          }),
    });
    if (response.ok) {
      await response.body?.cancel();
      return undefined;
    }
    const told = await reason(response);
    if (told.status < 500) return told;
    return problem('service-failed', `${service} answered ${response.status}: ${told.detail}`);
  } catch (error) {
    if (signal?.aborted === true) return problem('hung-up', 'the client has gone');
    if (limited.signal.aborted) return problem('service-timeout', `${service} did not answer within ${Math.floor(limit)} ms`);
    return problem('service-failed', `${service} cannot be reached: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    limited.done();
  }
}

/** The problem that a service tells; one of ours where it tells none. */
async function reason(response: Response): Promise<Problem> {
  const { status } = response;
  const body = (await response.json().catch(() => undefined)) as Partial<Problem> | undefined;
  const { type, title, detail } = body ?? {};
  if (typeof type === 'string' && typeof title === 'string' && typeof detail === 'string') return { type, title, status, detail };
  return problem('service-failed', `a service answered ${status}`);
}

/** A signal that aborts after a time of the clock, or with another. */
function timeout(clock: Clock, ms: Millis, other: AbortSignal | undefined): { readonly signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const stop = (): void => controller.abort(other?.reason);
  const cancel = clock.after(ms, () => controller.abort(new Error('the time is up')));
  other?.addEventListener('abort', stop, { once: true });
  return {
    signal: controller.signal,
    done() {
      cancel();
      other?.removeEventListener('abort', stop);
    },
  };
}
