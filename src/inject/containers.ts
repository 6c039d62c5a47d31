import { HarnessError, show } from '../errors.ts';
import type { WorldAction } from '../faults/index.ts';
import { canEnter, chosenOf, Docker, EngineError, engineAddress, undoByDocker, type Inspected } from './docker.ts';
import { healBefore, World, type Deedful, type HarmedWorld, type WorldOptions } from './world.ts';
import type { Harming, Undo } from './undo.ts';

/** A container: its name, its id, or one that was started by testcontainers. */
export type ContainerTarget = string | { getId(): string };

export interface ContainersOptions extends WorldOptions {
  /** The containers that a plan may harm, by the names that it calls them by. */
  readonly targets: Readonly<Record<string, ContainerTarget>>;
  /** Where the Docker Engine listens; `DOCKER_HOST`, or the socket of this machine, by default. */
  readonly docker?: string | undefined;
  /**
   * An image with `/bin/sh` and `iptables`, for partitions. Without one, rules are set by `nsenter` where that is allowed (root, on the
   * machine of the containers); else a container that is cut off both ways is taken from its networks.
   */
  readonly tools?: string | undefined;
}

/**
 * Harms containers by the Docker Engine's API: pause, kill, restart, and partition, also one way; each is undone at its end, and what
 * undoes it is in a journal before it is done.
 *
 * Of a container that is killed or restarted, ports that Docker chose are others afterwards: publish fixed ones.
 *
 * @throws HarnessError `cannot-inject`, `unknown-target`, `no-container`, `docker-unavailable`, `cannot-partition`
 *
 * @example
 * ```ts
 * import { pause, plan } from 'holdfast/faults';
 * import { containers } from 'holdfast/inject';
 *
 * async function withRedisStandingStill(redis: { getId(): string }, test: () => Promise<void>) {
 *   const bad = await containers({ targets: { redis }, plan: plan({ seed: 1 }, pause({ target: 'redis', from: '1s', until: '3s' })) });
 *   try {
 *     await test();
 *   } finally {
 *     await bad.close(); // Redis runs again, also where the test failed
 *   }
 * }
 * ```
 */
export async function containers(options: ContainersOptions): Promise<HarmedWorld> {
  await healBefore(options.journal);
  const all = new Containers(options);
  await all.ready();
  return all;
}

class Containers extends World {
  readonly #docker: Docker;
  readonly #tools: string | undefined;
  readonly #ids: ReadonlyMap<string, string>;

  constructor(options: ContainersOptions) {
    const targets = Object.entries(options.targets);
    const docker = new Docker(engineAddress(options.docker));
    super(
      'container',
      options,
      targets.map(([name]) => name),
    );
    this.#docker = docker;
    this.#tools = options.tools;
    this.#ids = new Map(targets.map(([name, target]) => [name, typeof target === 'string' ? target : target.getId()]));
  }

  /** Looks whether all that is to be harmed is there, and can be: nothing is harmed yet. */
  async ready(): Promise<void> {
    try {
      for (const name of this.#ids.keys()) {
        const container = await this.#inspect(name);
        for (const { harm } of this.run.world)
          for (const action of harm) if (action.target === name) this.#check(container, action);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
    this.begin();
  }

  async #inspect(name: string): Promise<Inspected> {
    try {
      return await this.#docker.inspect(this.#ids.get(name)!);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new HarnessError(
        'no-container',
        `containers: ${name} is no container of this Engine: ${error.message}`,
        'give its name, its id, or what testcontainers started; docker ps lists them',
        { cause: error },
      );
    }
  }

  #check(container: Inspected, action: WorldAction): void {
    if ((action.do === 'kill' || action.do === 'restart') && container.HostConfig.AutoRemove === true)
      throw new HarnessError(
        'cannot-inject',
        `containers: ${action.target} is removed when it ends (--rm), and could not be started again`,
        'start it without --rm, or use pause',
      );
    if (action.do === 'partition') this.#how(container, action);
  }

  #how({ HostConfig }: Inspected, { target, way }: Extract<WorldAction, { do: 'partition' | 'heal' }>): 'rules' | 'networks' {
    const alone = HostConfig.NetworkMode !== 'host' && HostConfig.NetworkMode?.startsWith('container:') !== true;
    if (alone && (this.#tools !== undefined || canEnter(this.#docker))) return 'rules';
    const isChosen = Object.values(HostConfig.PortBindings ?? {}).every((ports) =>
      (ports ?? []).every(({ HostPort = '' }) => HostPort !== '' && HostPort !== '0'),
    );
    if (alone && way === 'both' && isChosen) return 'networks';
    const why = !alone
      ? 'it has no network of its own'
      : way === 'both'
        ? 'taken from its networks it would come back with other ports'
        : `cutting it off one way (${show(way)}) takes rules`;
    throw new HarnessError(
      'cannot-partition',
      `containers: ${target} cannot be cut off: ${why}`,
      alone ? "name an image with /bin/sh and iptables: tools: 'my/tools:1', or run as root" : 'use pause, or a proxy between',
    );
  }

  protected override async deed(action: WorldAction): Promise<Deedful> {
    const { target } = action;
    const container = await this.#inspect(target);
    this.#check(container, action);
    const { Id } = container;
    const by = { by: 'docker', at: this.#docker.address, container: Id } as const;
    const docker = this.#docker;
    switch (action.do) {
      case 'pause':
        return {
          harm: `pause ${target}`,
          undo: { ...by, do: 'resume' },
          perform: async () => void (await docker.act(Id, 'pause', container.State.Paused ? [409] : [])),
        };
      case 'kill':
        return {
          harm: `kill ${target}`,
          undo: { ...by, do: 'start' },
          perform: async () => void (await docker.act(Id, 'kill?signal=SIGKILL', container.State.Running ? [] : [409])),
        };
      case 'restart':
        return {
          harm: `restart ${target}`,
          undo: { ...by, do: 'start' },
          perform: async () => void (await docker.act(Id, 'restart')),
        };
      case 'partition': {
        const { way } = action;
        const how = this.#how(container, action);
        const networks = chosenOf(container);
        const tools = this.#tools;
        const undo: Undo =
          how === 'rules'
            ? { ...by, do: 'heal', way, how, ...(tools === undefined ? {} : { tools }) }
            : { ...by, do: 'heal', way, how, networks };
        return {
          harm: `partition ${target} (${way})`,
          undo,
          perform: async () => {
            if (how === 'rules') await docker.rules(container, way, false, tools);
            else await docker.networks(container, networks, false);
          },
        };
      }
      default:
        throw new Error(`${action.do} harms nothing`);
    }
  }

  protected override async undo(_: WorldAction, { undo }: Harming): Promise<void> {
    if (undo.by === 'docker') await undoByDocker(undo);
  }
}
