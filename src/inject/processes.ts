import { HarnessError, show } from '../errors.ts';
import type { WorldAction } from '../faults/index.ts';
import type { Millis } from '../time/index.ts';
import { sent } from './signal.ts';
import { startOf, type Harming } from './undo.ts';
import { healBefore, World, type Deedful, type HarmedWorld, type WorldOptions } from './world.ts';

/** How long a process may take to end when it is asked to, before it is killed; and how often is looked, in milliseconds. */
const STOP_MS: Millis = 10_000;
const LOOK_MS: Millis = 5;

/** A process: its number, or a child. */
export type Pid = number | { readonly pid?: number | undefined };

/** A process, and how to start it again where a plan kills or restarts it. */
export type ProcessTarget = Pid | { readonly process: Pid; readonly start?: (() => Pid | Promise<Pid>) | undefined };

export interface ProcessesOptions extends WorldOptions {
  /** The processes that a plan may harm, by the names that it calls them by. */
  readonly targets: Readonly<Record<string, ProcessTarget>>;
}

/**
 * Harms processes of this machine: pause (SIGSTOP), kill (SIGKILL) and restart (SIGTERM, and SIGKILL after 10 s); each is undone at its
 * end. What undoes a pause is in a journal before it is done; a process that its run would have started again is told by
 * `holdfast heal`, and nobody else can start it.
 *
 * @throws HarnessError `cannot-inject`, `unknown-target`, `no-process`
 *
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { pause, plan } from 'holdfast/faults';
 * import { processes } from 'holdfast/inject';
 * const worker = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
 * const bad = await processes({ targets: { worker }, plan: plan({ seed: 1 }, pause({ target: 'worker', until: '1s' })) });
 * // … look what becomes of its work
 * await bad.close(); // it goes on
 * worker.kill('SIGKILL');
 * ```
 */
export async function processes(options: ProcessesOptions): Promise<HarmedWorld> {
  if (process.platform === 'win32')
    throw new HarnessError('cannot-inject', 'processes: Windows has no SIGSTOP', 'use containers, or a proxy before it');
  await healBefore(options.journal);
  return new Processes(options);
}

interface Known {
  readonly pid: number;
  readonly started: string;
}

class Processes extends World {
  readonly #targets: ReadonlyMap<string, { now: Known; readonly start: (() => Pid | Promise<Pid>) | undefined }>;

  constructor(options: ProcessesOptions) {
    const targets = new Map(
      Object.entries(options.targets).map(([name, target]) => {
        const own = typeof target === 'object' && 'process' in target ? target : { process: target, start: undefined };
        return [name, { now: knownOf(name, own.process), start: own.start }] as const;
      }),
    );
    super('process', options, [...targets.keys()]);
    this.#targets = targets;
    try {
      for (const { harm } of this.run.world) for (const action of harm) this.#check(action);
    } catch (error) {
      this.heal();
      throw error;
    }
    this.begin();
  }

  #check({ do: what, target }: WorldAction): void {
    if ((what === 'kill' || what === 'restart') && this.#targets.get(target)?.start === undefined)
      throw new HarnessError(
        'cannot-inject',
        `processes: ${target} could not be started again`,
        `say how: targets: { ${target}: { process, start: () => spawn(…) } }`,
      );
  }

  protected override deed(action: WorldAction): Promise<Deedful> {
    this.#check(action);
    const { target } = action;
    const { pid, started } = this.#targets.get(target)!.now;
    switch (action.do) {
      case 'pause':
        return Promise.resolve({
          harm: `pause ${target}`,
          undo: { by: 'signal', do: 'resume', pid, started },
          perform: () => {
            this.#signal(target, 'SIGSTOP');
            return Promise.resolve();
          },
        });
      case 'kill':
        return Promise.resolve({
          harm: `kill ${target}`,
          undo: { by: 'owner', do: 'start', target },
          perform: async () => {
            this.#signal(target, 'SIGKILL');
            await this.#gone(target);
          },
        });
      case 'restart':
        return Promise.resolve({
          harm: `restart ${target}`,
          undo: { by: 'owner', do: 'start', target },
          perform: async () => {
            this.#signal(target, 'SIGTERM');
            await this.#gone(target);
            await this.#start(target);
          },
        });
      default:
        throw new HarnessError(
          'cannot-inject',
          `processes: nothing ${action.do}s a process`,
          'there are pause, kill and restart',
        );
    }
  }

  protected override async undo({ target }: WorldAction, { undo }: Harming): Promise<void> {
    if (undo.by === 'signal') sent(undo.pid, undo.started, 'SIGCONT');
    else await this.#start(target);
  }

  #signal(target: string, signal: NodeJS.Signals): void {
    const { pid, started } = this.#targets.get(target)!.now;
    if (!sent(pid, started, signal))
      throw new HarnessError('no-process', `processes: ${target} (${pid}) is not there any more`, 'look why it ended');
  }

  async #gone(target: string): Promise<void> {
    const { pid, started } = this.#targets.get(target)!.now;
    const end = this.clock.now() + STOP_MS;
    while (startOf(pid) === started) {
      if (this.clock.now() > end) sent(pid, started, 'SIGKILL');
      await this.clock.sleep(LOOK_MS);
    }
  }

  /** Starts it again, if it does not run. */
  async #start(target: string): Promise<void> {
    const one = this.#targets.get(target)!;
    if (one.start === undefined || startOf(one.now.pid) === one.now.started) return;
    one.now = knownOf(target, await one.start());
  }
}

function knownOf(name: string, given: Pid): Known {
  const pid = typeof given === 'number' ? given : given.pid;
  const started = pid !== undefined && Number.isSafeInteger(pid) && pid > 0 ? startOf(pid) : undefined;
  if (pid === undefined || started === undefined)
    throw new HarnessError(
      'no-process',
      `processes: ${name}: there is no process ${show(pid)}`,
      'give its number, or a child that runs',
    );
  return { pid, started };
}
