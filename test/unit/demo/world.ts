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

/** One message of a stream, as a browser reads it; a comment has no other members. */
export interface Streamed {
  readonly comment?: string;
  readonly id?: string;
  readonly event?: string;
  readonly data?: Body;
}

/** Reads a stream of Server-Sent Events; what is no JSON throws. */
export class StreamReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(response: Response) {
    this.#reader = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  }

  /** The next message; undefined at the end of the stream. */
  async next(): Promise<Streamed | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end === -1) {
        const chunk = await this.#reader.read();
        if (chunk.done) return undefined;
        this.#text += this.#decoder.decode(chunk.value, { stream: true });
        continue;
      }
      const lines = this.#text.slice(0, end).split('\n');
      this.#text = this.#text.slice(end + 2);
      const message = messageFrom(lines);
      if (message !== undefined) return message;
    }
  }

  /** The next so many messages, without comments. */
  async take(count: number): Promise<Streamed[]> {
    const taken: Streamed[] = [];
    while (taken.length < count) {
      const message = await this.next();
      if (message === undefined) throw new Error(`the stream ended after ${taken.length} of ${count} messages`);
      if (message.comment === undefined) taken.push(message);
    }
    return taken;
  }

  /** All that comes until it ends, without comments; throws when it goes on for longer. */
  async toItsEnd(clock: Clock, ms: number): Promise<Streamed[]> {
    const taken: Streamed[] = [];
    let late = false;
    const cancel = clock.after(ms, () => {
      late = true;
      void this.close();
    });
    for (let message = await this.next(); message !== undefined; message = await this.next())
      if (message.comment === undefined) taken.push(message);
    cancel();
    if (late) throw new Error(`the stream has not ended after ${ms} ms and ${taken.length} messages`);
    return taken;
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}

function messageFrom(lines: readonly string[]): Streamed | undefined {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    fields.set(name, name === 'data' && fields.has(name) ? `${fields.get(name)}\n${value}` : value);
  }
  const comment = fields.get('');
  if (comment !== undefined) return { comment };
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return { id: fields.get('id') ?? '', event: fields.get('event') ?? '', data: JSON.parse(data) as Body };
}

export const STREAM = { accept: 'text/event-stream' } as const;

/** Sends JSON as a user who has logged in. */
export interface Send {
  (method: string, path: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>;
  /** What says who it is. */
  readonly headers: { readonly authorization: string };
}

export async function logIn(world: Pick<World, 'app'>, user: string): Promise<Send> {
  const body = JSON.stringify({ user, password: `${user}-demo` });
  const login = await world.app.fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const { token } = (await login.json()) as { token: string };
  const authorization = `Bearer ${token}`;
  const send = (...[method, path, sent, headers = {}, signal]: Parameters<Send>): Promise<Response> =>
    world.app.fetch(path, {
      method,
      headers: {
        authorization,
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      ...(signal === undefined ? {} : { signal }),
    });
  return Object.assign(send, { headers: { authorization } });
}
