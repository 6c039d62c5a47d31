/** Signals by which a run is ended that could still do something. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What is to be done where this process ends, and who listens for that. */
interface Leaving {
  readonly acts: Set<() => void>;
  readonly listen: (isOn: boolean) => void;
}

const KEY = Symbol.for('holdfast.leaving');

/** One for all copies of this module: of two who listen, each would leave it to the other to end this process. */
function leaving(): Leaving {
  const holder = globalThis as { [KEY]?: Leaving };
  return (holder[KEY] ??= begin());
}

function begin(): Leaving {
  const acts = new Set<() => void>();
  const onExit = (): void => {
    for (const act of [...acts].toReversed()) act();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    // Whoever waits for it as well decides what becomes of this process.
    if (process.listenerCount(signal) > 1) return;
    onExit();
    listen(false);
    process.kill(process.pid, signal);
  };
  const listen = (isOn: boolean): void => {
    const how = isOn ? 'on' : 'off';
    process[how]('exit', onExit);
    for (const signal of SIGNALS) process[how](signal, onSignal);
  };
  return { acts, listen };
}

/**
 * Calls `act` where this process ends while it is registered: by itself, by an exception, or by a signal that nobody else waits for.
 * Nothing of it may wait. While nothing is registered, nobody listens.
 *
 * @returns takes it back
 */
export function atExit(act: () => void): () => void {
  const { acts, listen } = leaving();
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
