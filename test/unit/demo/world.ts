import { createHash } from 'node:crypto';
import type { Work } from '../../../src/demo/db.ts';
import {
  demoApp,
  demoMailbox,
  demoServices,
  sqliteStore,
  type Bug,
  type DemoApp,
  type DemoOptions,
  type Mailbox,
  type Mailer,
  type Services,
} from '../../../src/demo/index.ts';
import { seeded, virtualClock, type Clock, type VirtualClock } from '../../../src/time/index.ts';
import { VIRTUAL_EPOCH_MS } from '../../../src/time/virtual-clock.ts';
import { checkAnswers, demoOpenApi } from '../../setup/openapi.ts';

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
  /** Every webhook so far. */
  readonly hooks: readonly Hook[];
  /** Who is sent webhooks; answers 204 unless a test says otherwise. */
  receiver: (hook: Hook) => Response | Promise<Response>;
}

/** A webhook as its receiver got it. */
export interface Hook {
  /** The moment of the virtual clock. */
  readonly at: number;
  readonly url: string;
  readonly headers: Headers;
  /** Byte for byte. */
  readonly text: string;
  readonly told: Body;
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
      send,
      mail: { send: (letter, signal) => world.mail(letter, signal) },
      onError: (error) => {
        throw error;
      },
      ...options,
    });
    return {
      ...running,
      // What a defect or another dialect says is not in the document.
      ...(isDocumented(options) ? { fetch: checkedFetch(running) } : {}),
      close: async () => {
        await running.close();
        await kept.close();
      },
    };
  };
  const mailbox = demoMailbox();
  const hooks: Hook[] = [];
  const send: Services['fetch'] = async (input, init) => {
    const { signal: _watchedByTheSender, ...rest } = init ?? {};
    const request = new Request(input, rest);
    const text = await request.text();
    const hook = { at: clock.now(), url: request.url, headers: request.headers, text, told: JSON.parse(text) as Body };
    hooks.push(hook);
    return world.receiver(hook);
  };
  const world: World = {
    clock,
    app: open(),
    services,
    network: services.fetch,
    mailbox,
    mail: (letter) => mailbox.send(letter),
    calls,
    hooks,
    receiver: () => new Response(null, { status: 204 }),
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

function isDocumented({ bugs = [], dialect = 'location' }: DemoOptions): boolean {
  return bugs.length === 0 && dialect === 'location';
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

/** Subscribes to all events, or to some. */
export async function subscribe(send: Send, more: object = {}): Promise<{ readonly path: string; readonly told: Body }> {
  const made = await send('POST', '/subscriptions', { url: 'http://receiver.test/hooks', types: '*', ...more });
  if (made.status !== 201) throw new Error(await made.text());
  return { path: monitorOf(made), told: await bodyOf(made) };
}

/** HMAC-SHA256 (RFC 2104), written out from the hash alone: independent of what it judges. */
export function hmacSha256(key: Uint8Array, text: string): string {
  const padded = (with_: number): Uint8Array => Uint8Array.from({ length: 64 }, (_, i) => (key[i] ?? 0) ^ with_);
  const inner = createHash('sha256').update(padded(0x36)).update(text).digest();
  return createHash('sha256').update(padded(0x5c)).update(inner).digest('base64');
}

/** The signature that a request of Standard Webhooks should have. */
export function signatureOf(secret: unknown, id: string, timestamp: string, body: string): string {
  return `v1,${hmacSha256(Buffer.from(String(secret).replace('whsec_', ''), 'base64'), `${id}.${timestamp}.${body}`)}`;
}

/** A database that fails where a statement has the given text in it; nowhere while the text is empty. */
export function breaking(where: () => string): Bug {
  function* watched<T>(work: () => Work<T>): Work<T> {
    const going = work();
    for (let step = going.next(); ;) {
      if (step.done === true) return step.value;
      if (where() !== '' && step.value.sql.includes(where())) throw new Error('disk on fire');
      step = going.next(yield step.value);
    }
  }
  return {
    name: 'breaking',
    family: 'atomicity',
    story: '',
    plant: ({ db }) => ({
      db: {
        ...db,
        transact: (work) => db.transact(() => watched(work)),
        single: (work) => db.single(() => watched(work)),
      },
    }),
  };
}

/** What a payment service tells: a type, and the members of data. */
export const telling = (state: string, sequence: number, more: object = {}): object => ({
  type: `payment.${state}`,
  timestamp: new Date(VIRTUAL_EPOCH_MS + sequence).toISOString(),
  data: { payment: 'pay_1', sequence, amount: 500, ...more },
});

/** Calls back, signed with the demo's secret unless `fields` say otherwise. */
export async function callBack(
  { app, clock }: World,
  id: string,
  told: unknown,
  fields: Record<string, string | undefined> = {},
  secret?: string,
): Promise<Response> {
  const known = secret ?? String((await bodyOf(await app.fetch('/')))['callbackSecret']);
  const body = typeof told === 'string' ? told : JSON.stringify(told);
  const timestamp = fields['webhook-timestamp'] ?? String(Math.floor(clock.wall() / 1000));
  const all = {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatureOf(known, id, timestamp, body),
    'content-type': 'application/json',
    ...fields,
  };
  const headers = Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined));
  return app.fetch('/callbacks/payments', { method: 'POST', body, headers });
}
