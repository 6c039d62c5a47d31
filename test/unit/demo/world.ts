import {
  demoApp,
  demoMailbox,
  demoServices,
  sqliteStore,
  type DemoApp,
  type DemoOptions,
  type Mailbox,
  type Mailer,
  type Services,
} from '../../../src/demo/index.ts';
import { checkAnswers, demoOpenApi } from '../../setup/openapi.ts';
import { seeded, virtualClock, type Clock, type VirtualClock } from '../../../src/time/index.ts';

/** A demo in virtual time; faults of the server fail the test that made them. */
export interface World {
  readonly clock: VirtualClock;
  /** The one that is up: another after a crash. */
  app: DemoApp;
  /** The services that the demo calls. */
  readonly services: Services;
  /** How it calls them: a test may put something in between. */
  network: Services['fetch'];
  /** Where its e-mail goes. */
  readonly mailbox: Mailbox;
  /** How it sends: a test may put something in between. */
  mail: Mailer['send'];
  /** Every call so far, as `PUT payment`. */
  readonly calls: readonly string[];
  /** Ends the server in the middle of what it does, and starts another on the same store. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** What the services have done and not undone, as `payment`. */
export async function standing({ services }: World): Promise<readonly string[]> {
  const effects = await Promise.all(services.all.map(async (one) => (await one.effects()).map((e) => [one.name, e.status])));
  return effects.flat().flatMap(([name = '', status]) => (status === 'made' ? [name] : []));
}

export function addressOf(input: Parameters<Services['fetch']>[0]): string {
  return typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
}

export function worldOf(options: DemoOptions = {}): World {
  const clock = virtualClock();
  const services = demoServices({ clock });
  const calls: string[] = [];
  const fetch: Services['fetch'] = (input, init) => {
    calls.push(`${init?.method} ${new URL(addressOf(input)).hostname.split('.')[0]}`);
    return world.network(input, init);
  };
  const kept = sqliteStore(':memory:');
  let running: DemoApp;
  const open = (): DemoApp => {
    running = demoApp({
      clock,
      random: seeded(7),
      store: kept,
      fetch,
      mail: { send: (letter, signal) => world.mail(letter, signal) },
      onError: (error) => {
        throw error;
      },
      ...options,
    });
    return {
      ...running,
      // What a defect says is not in the document.
      ...((options.bugs ?? []).length > 0 ? {} : { fetch: checkedFetch(running) }),
      close: async () => {
        await running.close();
        await kept.close();
      },
    };
  };
  const mailbox = demoMailbox();
  const world: World = {
    clock,
    app: open(),
    services,
    network: services.fetch,
    mailbox,
    mail: (letter) => mailbox.send(letter),
    calls,
    crash: async () => {
      await running.close();
      world.app = open();
      world.app.start();
    },
    close: async () => {
      await world.app.close();
      await services.close();
    },
  };
  return world;
}

let check: ReturnType<typeof checkAnswers> | undefined;

/** Holds every answer to the document of the demo. */
function checkedFetch({ fetch }: DemoApp): DemoApp['fetch'] {
  check ??= checkAnswers(demoOpenApi());
  const holds = check;
  return async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(addressOf(input), 'http://demo.test');
    await holds(init?.method ?? (input instanceof Request ? input.method : 'GET'), pathname, response);
    return response;
  };
}

/** Runs `body` in a world whose worker has started, and closes it. */
export async function inWorld<T>(options: DemoOptions, body: (world: World) => Promise<T>): Promise<T> {
  const world = worldOf(options);
  world.app.start();
  try {
    return await world.clock.run(() => body(world));
  } finally {
    await world.close();
  }
}

/** Loses what one service is sent, or what it answers. */
export const losing =
  (name: string, method: string, what: 'request' | 'answer', times = Number.POSITIVE_INFINITY) =>
  (fetch: Services['fetch']): Services['fetch'] => {
    let left = times;
    return async (input, init) => {
      if (!addressOf(input).includes(`//${name}.`) || init?.method !== method || left-- <= 0) return fetch(input, init);
      if (what === 'answer') await fetch(input, { ...init, signal: null });
      throw new TypeError('fetch failed');
    };
  };

/** What one service is asked is on its way for a while, whoever still waits. */
export const slow =
  (name: string, method: string, ms: number) =>
  (fetch: Services['fetch'], { clock }: Pick<World, 'clock'>): Services['fetch'] =>
  async (input, init) => {
    if (!addressOf(input).includes(`//${name}.`) || init?.method !== method) return fetch(input, init);
    const late = clock.sleep(ms).then(() => fetch(input, { ...init, signal: null }));
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
      late.then(resolve, reject);
    });
  };

export function post(app: DemoApp, order?: unknown, query = ''): Promise<Response> {
  return app.fetch(`/reports${query}`, {
    method: 'POST',
    ...(order === undefined ? {} : { body: JSON.stringify(order), headers: { 'content-type': 'application/json' } }),
  });
}

// The bodies are looked at field by field, as a client in plain JavaScript would.
// oxlint-disable-next-line typescript/no-explicit-any
export type Body = Record<string, any>;

export async function bodyOf(response: Response): Promise<Body> {
  return (await response.json()) as Body;
}

export function monitorOf(response: Response): string {
  const location = response.headers.get('location');
  if (location === null) throw new Error(`no Location in an answer ${response.status}`);
  return location;
}

/** Looks once a second until the operation has ended, at most `looks` times. */
export async function toItsEnd(
  { app, clock }: { readonly app: DemoApp; readonly clock: Clock },
  monitor: string,
  looks = 100,
  as?: Send,
): Promise<Body> {
  for (let look = 0; look < looks; look++) {
    await clock.sleep(1000);
    const body = await bodyOf(await (as === undefined ? app.fetch(monitor) : as('GET', monitor)));
    if (!['queued', 'running'].includes(String(body['status']))) return body;
  }
  throw new Error(`${monitor} has not ended after ${looks} looks`);
}

/** Sends JSON as a user who has logged in. */
export type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
  signal?: AbortSignal,
) => Promise<Response>;

export async function logIn(world: Pick<World, 'app'>, user: string): Promise<Send> {
  const body = JSON.stringify({ user, password: `${user}-demo` });
  const login = await world.app.fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const { token } = (await login.json()) as { token: string };
  return (method, path, sent, headers = {}, signal) =>
    world.app.fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      ...(signal === undefined ? {} : { signal }),
    });
}
