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
