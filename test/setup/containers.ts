/**
 * Real servers in containers, for the tests that want them: from images of this machine (`scripts/images.sh`), without a registry.
 * A run that is killed leaves nothing: the reaper, a container of its own, removes what it started.
 */
import type { StartedTestContainer } from 'testcontainers';
import { enabled, freePort } from './needs.ts';

const REAPER = 'holdfast/reaper:1';
const POSTGRES = 'holdfast/postgres:15';
const REDIS = 'holdfast/redis:7';
const RABBITMQ = 'holdfast/rabbitmq:3';
const NATS = 'holdfast/nats:2';
const MOSQUITTO = 'holdfast/mosquitto:2';
/** What cuts containers off. */
export const TOOLS = 'holdfast/tools:1';
const IMAGES = [REAPER, POSTGRES, REDIS, RABBITMQ, NATS, MOSQUITTO, TOOLS];

/** Whether tests against containers run; told once for a file, in one line, when they do not. */
export async function containersEnabled(what: string): Promise<boolean> {
  return enabled('docker', await imagesAreThere(), `${what}; \`scripts/images.sh\` enables it, where Docker runs`);
}

async function imagesAreThere(): Promise<boolean> {
  const { getContainerRuntimeClient, ImageName } = await load();
  try {
    const { image } = await getContainerRuntimeClient();
    const there = await Promise.all(IMAGES.map((name) => image.exists(ImageName.fromString(name))));
    return !there.includes(false);
  } catch {
    return false;
  }
}

/** How often a start is tried: another process may take the port that was free a moment ago. */
const STARTS = 3;

/**
 * A server in a container, at an address that stays when it is restarted. After a restart it is to be asked until it answers: what the
 * library waits for is a line of its log.
 */
export interface Started {
  readonly container: StartedTestContainer;
  /** `host:port`. */
  readonly address: string;
  stop(): Promise<void>;
}

/** PostgreSQL 15 with the user and the password `holdfast`, who may do everything. */
export async function startPostgres(): Promise<Started & { url(database: string, user?: string): string }> {
  const started = await start(POSTGRES, 5432, /ready to accept connections/);
  return { ...started, url: (database, user = 'holdfast:holdfast') => `postgres://${user}@${started.address}/${database}` };
}

/** Redis 7, without a password. */
export async function startRedis(): Promise<Started & { readonly url: string }> {
  const started = await start(REDIS, 6379, /Ready to accept connections/);
  return { ...started, url: `redis://${started.address}` };
}

/** RabbitMQ 3, with the user and the password `guest`. */
export function startRabbitmq(): Promise<Started> {
  return start(RABBITMQ, 5672, /Server startup complete/);
}

/** NATS 2, without a password, and with the user and the password `holdfast`. */
export function startNats(): Promise<Started> {
  return start(NATS, 4222, /Server is ready/);
}

/** Mosquitto 2, without a password, and with the user and the password `holdfast`. */
export function startMosquitto(): Promise<Started> {
  return start(MOSQUITTO, 1883, /mosquitto version .* running/);
}

async function start(image: string, inside: number, ready: RegExp): Promise<Started> {
  const { GenericContainer, Wait } = await load();
  process.env['RYUK_CONTAINER_IMAGE'] ??= REAPER;
  for (let starts = 1; ; starts++) {
    const port = await freePort();
    try {
      const container = await new GenericContainer(image)
        .withExposedPorts({ container: inside, host: port })
        .withWaitStrategy(Wait.forLogMessage(ready))
        .start();
      return { container, address: `${container.getHost()}:${port}`, stop: async () => void (await container.stop()) };
    } catch (error) {
      if (starts === STARTS || !/port is already allocated|address already in use/.test(String(error))) throw error;
    }
  }
}

/**
 * The library, when it is asked for: it takes half a second. As it is loaded, a part of it begins to wait for every signal, to remove a
 * lock that it may hold then; that would be a leak, and the lock is one that it takes for a moment only.
 */
async function load(): Promise<typeof import('testcontainers')> {
  const listeners = (): readonly (readonly [string | symbol, () => void])[] =>
    process
      .eventNames()
      .flatMap((name) => process.listeners(name as NodeJS.Signals).map((one) => [name, one as () => void] as const));
  const before = new Set(listeners().map(([, one]) => one));
  const library = await import('testcontainers');
  for (const [name, one] of listeners()) if (!before.has(one)) process.off(name, one);
  return library;
}
