/** Signals by which a run is ended that could still do something. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What is to be done where this process ends. */
const acts = new Set<() => void>();

function onExit(): void {
  for (const act of [...acts].toReversed()) act();
}

function onSignal(signal: NodeJS.Signals): void {
  // Whoever waits for it as well decides what becomes of this process.
  if (process.listenerCount(signal) > 1) return;
  onExit();
  listen(false);
  process.kill(process.pid, signal);
}

function listen(isOn: boolean): void {
  const how = isOn ? 'on' : 'off';
  process[how]('exit', onExit);
  for (const signal of SIGNALS) process[how](signal, onSignal);
}

/**
 * Calls `act` where this process ends while it is registered: by itself, by an exception, or by a signal that nobody else waits for.
 * Nothing of it may wait. While nothing is registered, nobody listens.
 *
 * @returns takes it back
 */
export function atExit(act: () => void): () => void {
  if (acts.size === 0) listen(true);
  acts.add(act);
  return () => {
    if (acts.delete(act) && acts.size === 0) listen(false);
  };
}

/** Waits until the run whose journal it is has ended, and heals after it. */
const HEALER = `
const [, inject, time, file] = process.argv;
const { heal } = await import(inject);
const { systemClock } = await import(time);
for (let n = 0; n < 400; n++) {
  const [one] = await heal(file, { ifThere: true });
  if (one?.outcome !== 'live') break;
  await systemClock.sleep(25);
}`;

/** Has another process heal what a journal tells once this one is gone, which cannot wait for an Engine any more. */
export function healAfterwards(file: string): void {
  try {
    const own = ['holdfast/inject', 'holdfast/time'].map((name) => import.meta.resolve(name));
    process
      .getBuiltinModule('node:child_process')
      .spawn(process.execPath, ['--input-type=module', '--eval', HEALER, ...own, file], { detached: true, stdio: 'ignore' })
      .unref();
  } catch {
    // The next run heals, or whoever is told to.
  }
}
