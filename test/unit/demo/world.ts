import { createHash } from 'node:crypto';
import type { Work } from '../../../src/demo/db.ts';
import { demoApp, demoServices, type Bug, type DemoApp, type DemoOptions, type Services } from '../../../src/demo/index.ts';
import { seeded, virtualClock, type VirtualClock } from '../../../src/time/index.ts';
import { VIRTUAL_EPOCH_MS } from '../../../src/time/virtual-clock.ts';

/** A demo in virtual time; faults of the server fail the test that made them. */
export interface World {
  readonly clock: VirtualClock;
  readonly app: DemoApp;
  /** The services that the demo calls. */
  readonly services: Services;
  /** How it calls them: a test may put something in between. */
  network: Services['fetch'];
  /** Every call so far, as `PUT payment`. */
  readonly calls: readonly string[];
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
  const hooks: Hook[] = [];
  const send: Services['fetch'] = async (input, init) => {
    const { signal: _watchedByTheSender, ...rest } = init ?? {};
    const request = new Request(input, rest);
    const text = await request.text();
    const hook = { at: clock.now(), url: request.url, headers: request.headers, text, told: JSON.parse(text) as Body };
    hooks.push(hook);
    return world.receiver(hook);
  };
  const app = demoApp({
    clock,
    random: seeded(7),
    fetch,
    send,
    onError: (error) => {
      throw error;
    },
    ...options,
  });
  const receiver = (): Response => new Response(null, { status: 204 });
  const world: World = { clock, app, services, network: services.fetch, calls, hooks, receiver };
  return world;
}

/** Runs `body` in a world whose worker has started, and closes it. */
export async function inWorld<T>(options: DemoOptions, body: (world: World) => Promise<T>): Promise<T> {
  const world = worldOf(options);
  world.app.start();
  try {
    return await world.clock.run(() => body(world));
  } finally {
    await world.app.close();
    await world.services.close();
  }
}

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
export async function toItsEnd({ app, clock }: World, monitor: string, looks = 100): Promise<Body> {
  for (let look = 0; look < looks; look++) {
    await clock.sleep(1000);
    const body = await bodyOf(await app.fetch(monitor));
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

export async function logIn({ app }: Pick<World, 'app'>, user: string): Promise<Send> {
  const body = JSON.stringify({ user, password: `${user}-demo` });
  const login = await app.fetch('/login', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  const { token } = (await login.json()) as { token: string };
  return (method, path, sent, headers = {}, signal) =>
    app.fetch(path, {
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
