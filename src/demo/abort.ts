import type { Clock, Millis } from '../time/index.ts';

/** What `work` resolves to, or the signal's reason when it aborts before; the work itself goes on. */
export function orAbort<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (signal === null || signal === undefined) return work;
  // Cheaper than a race, and every request comes through here.
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    const forget = (): void => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop, { once: true });
    work.then(forget, forget);
    work.then(resolve, reject);
  });
}

/** A signal that aborts with any of others or, where a limit is given, after a time of the clock; `done` lets go of both. */
export function eitherOf(
  others: readonly AbortSignal[],
  limit?: { readonly clock: Clock; readonly ms: Millis },
): { readonly signal: AbortSignal; done(): void } {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const other of others) {
    if (other.aborted) stop();
    other.addEventListener('abort', stop, { once: true });
  }
  const cancel = limit?.clock.after(limit.ms, stop);
  return {
    signal: controller.signal,
    done() {
      cancel?.();
      for (const other of others) other.removeEventListener('abort', stop);
    },
  };
}
