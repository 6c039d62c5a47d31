/**
 * Kills the demo at many instants drawn from a seed, in the middle of mixed traffic, and then holds it to what it accepted: nothing
 * lost, nothing done twice, no money made or gone, no news kept back. It looks from outside: by HTTP, by the mail and the
 * webhooks that arrive, and by what the services have kept.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import { seeded, type Random } from '../../src/time/index.ts';
import { startDemo, type DemoProcess } from '../e2e/demo/process.ts';

const USERS = ['ann', 'bob', 'eve'] as const;
/** How many clients send at a time. */
const CLIENTS = 9;
/** The latest instant of a kill after the start, in milliseconds. */
const LATEST_KILL_MS = 1_200;
/** How long all that was accepted may take to end after the last start, in milliseconds. */
const SETTLE_MS = 120_000;
const BEGUN_WITH = 100_000 * 2 * USERS.length;

/** What was sent, and what became of it. */
interface Sent {
  readonly user: (typeof USERS)[number];
  readonly path: string;
  readonly body: object;
  readonly key: string;
  /** Undefined while nobody knows. */
  status?: number;
  location?: string | undefined;
  /** Whether somebody asked for it to be cancelled. */
  cancelled?: boolean;
  /** Why it was refused. */
  problem?: string | undefined;
}

interface Demo {
  readonly running: DemoProcess;
  readonly url: string;
  readonly tokens: ReadonlyMap<string, string>;
}

/** How often the demo was killed, and what was looked at afterwards. */
export interface Tally {
  readonly kills: number;
  readonly accepted: number;
  readonly refused: number;
  readonly mails: number;
  readonly webhooks: number;
  readonly events: number;
}

/**
 * @param bugs what is planted, to see that it is found
 * @param say told of the progress, a line at a time
 * @throws Error with all that is wrong
 */
export async function killHunt(
  times: number,
  seed: string,
  bugs: readonly string[],
  say: (line: string) => void,
): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-kills-'));
  const store = join(folder, 'store');
  const mail = await mailServer();
  const hooks = await hookServer();
  const chance = seeded(seed);
  const sent: Sent[] = [];
  const args = [
    '--store',
    store,
    '--seed',
    seed,
    '--work',
    '400ms',
    '--smtp',
    mail.url,
    ...bugs.flatMap((bug) => ['--bug', bug]),
  ];
  let demo: Demo | undefined;
  try {
    for (let round = 1; round <= times; round++) {
      const draw = chance.fork(`round/${round}`);
      demo = await start(args);
      if (round === 1) await subscribe(demo, hooks.url);
      const killed = sleep(draw.int(1, LATEST_KILL_MS)).then(() => end(demo, 'SIGKILL'));
      const going = demo;
      await Promise.all([
        killed,
        ...Array.from({ length: CLIENTS }, (_, client) => traffic(going, sent, `${round}.${client}`, draw.fork(`${client}`))),
      ]);
      if (round % 20 === 0)
        say(`${round} kills, ${sent.length} requests, ${mail.received.length} mails, ${hooks.ids.size} events told`);
    }
    demo = await start(args);
    const last = demo;
    const unknown = sent.filter(({ status }) => status === undefined);
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        for (let one = unknown.pop(); one !== undefined; one = unknown.pop()) await insist(last, one);
      }),
    );
    say(`all ${sent.length} requests are answered`);
    const wrong: string[] = [];
    judgeAnswers(sent, wrong);
    const ended = await settle(last, sent, wrong);
    say(`all ${ended.length} operations have ended`);
    const events = await logOf(last, wrong);
    await judgeMoney(last, sent, events, wrong);
    judgeReports(events, ended, wrong);
    judgeMails(ended, mail.received, wrong);
    await judgeHooks(events, hooks.ids, wrong);
    await end(demo, 'SIGTERM');
    judgeServices(store, events, wrong);
    if (mail.received.length === 0) wrong.push('no mail was ever seen');
    if (wrong.length > 0) throw new Error(`${wrong.length} things are wrong:\n  ${wrong.slice(0, 40).join('\n  ')}`);
    const accepted = sent.filter(({ status = 500 }) => status < 300).length;
    return {
      kills: times,
      accepted,
      refused: sent.length - accepted,
      mails: mail.received.length,
      webhooks: hooks.count(),
      events: events.length,
    };
  } finally {
    await end(demo, 'SIGKILL');
    await mail.close();
    await hooks.close();
    await rm(folder, { recursive: true, force: true });
  }
}

// The demo

async function start(args: readonly string[]): Promise<Demo> {
  const running = await startDemo(...args);
  const { url } = running;
  const tokens = new Map<string, string>();
  for (const user of USERS) {
    const body = JSON.stringify({ user, password: `${user}-demo` });
    const login = await fetch(`${url}/login`, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    tokens.set(user, ((await login.json()) as { readonly token: string }).token);
  }
  return { running, url, tokens };
}

async function end(demo: Demo | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  await demo?.running.stop(signal);
}

async function ask(demo: Demo, user: string, path: string): Promise<Response> {
  return fetch(`${demo.url}${path}`, { headers: { authorization: `Bearer ${demo.tokens.get(user)}` } });
}

async function bodyOf<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

// Traffic

/** Sends one thing after the other until the demo is dead. */
async function traffic(demo: Demo, sent: Sent[], name: string, draw: Random): Promise<void> {
  for (let n = 0; ; n++) {
    const one = something(`${name}.${n}`, draw.fork(`${n}`));
    sent.push(one);
    try {
      await send(demo, one);
      // Now and then what was accepted is cancelled at once.
      if (one.location?.startsWith('/operations/') === true && draw.fork(`cancel/${n}`).int(0, 9) === 0) {
        one.cancelled = true;
        const headers = { authorization: `Bearer ${demo.tokens.get(one.user)}` };
        await fetch(`${demo.url}${one.location}`, { method: 'DELETE', headers });
      }
    } catch {
      // It is dead; whether it did what was asked nobody knows.
      return;
    }
  }
}

const CARD = '4242424242424242';

function something(key: string, draw: Random): Sent {
  const user = draw.pick(USERS);
  const flight = draw.pick(['HF123', 'HF456', 'HF789', 'HF000', 'HF999']);
  const passenger = `Passenger ${key}`;
  const account = (): string => `acc_${draw.pick(USERS)}_${draw.pick(['current', 'savings'])}`;
  const [path, body] = draw.pick<() => readonly [string, object]>([
    () => {
      const from = `acc_${user}_${draw.pick(['current', 'savings'])}`;
      const to = [account(), account()].find((other) => other !== from) ?? 'acc_ann_current';
      return ['/transfers', { from, to, amount: draw.int(1, 5_000), reference: key }];
    },
    () => ['/reports', { title: key, rows: 3 }],
    () => ['/emails', { to: [`${user}@example.test`], subject: key, text: 'Dear customer' }],
    () => ['/imports', { items: [1, 2, 3].map((n) => ({ name: key, email: `${key}.${n}@example.test` })) }],
    () => ['/customers', { name: key, email: `${key}@example.test` }],
    () => ['/bookings', { flight, passenger, card: CARD }],
    () => ['/trips', { flight, passenger, city: draw.pick(['Lisbon', 'Atlantis']), nights: 2, car: 'economy', card: CARD }],
  ])();
  return { user, path, body, key };
}

async function send(demo: Demo, one: Sent): Promise<void> {
  const response = await fetch(`${demo.url}${one.path}`, {
    method: 'POST',
    body: JSON.stringify(one.body),
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `"${one.key}"`,
      authorization: `Bearer ${demo.tokens.get(one.user)}`,
    },
  });
  const text = await response.text();
  one.problem = /"type":"\/problems\/([\w-]+)"/.exec(text)?.[1];
  one.status = response.status;
  one.location = response.headers.get('location') ?? undefined;
}

/** Sends what nobody knows of again, under its key, until the server says what became of it. */
async function insist(demo: Demo, one: Sent): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    await send(demo, one);
    // It is still being undone, or the server asks for patience.
    if (one.problem !== 'in-flight' && (one.status ?? 0) < 500) return;
    await sleep(100);
  }
}

// What must hold

interface Ended {
  readonly sent: Sent;
  readonly result: unknown;
  readonly id: string;
  readonly status: string;
}

/** Everything is answered in the end, by no fault of the server, and something of each kind is accepted. */
function judgeAnswers(sent: readonly Sent[], wrong: string[]): void {
  for (const { path, key, status = 0, problem, location } of sent) {
    if (status === 0 || status >= 500 || problem === 'in-flight')
      wrong.push(`${path} under ${key} is answered ${status} ${problem ?? ''}`);
    if ((status === 201 || status === 202) && location === undefined)
      wrong.push(`${path} under ${key} was accepted without a Location`);
  }
  const accepted = new Set(sent.flatMap(({ path, status = 0 }) => (status >= 200 && status < 300 ? [path] : [])));
  for (const path of new Set(sent.map(({ path: one }) => one)))
    if (!accepted.has(path)) wrong.push(`nothing was accepted at ${path}`);
}

/** Waits until everything that was accepted has ended. */
async function settle(demo: Demo, sent: readonly Sent[], wrong: string[]): Promise<readonly Ended[]> {
  const until = performance.now() + SETTLE_MS;
  const ended: Ended[] = [];
  for (const one of sent) {
    const { location, user } = one;
    if (location === undefined) continue;
    for (;;) {
      const response = await ask(demo, user, location);
      if (response.status !== 200) {
        wrong.push(`${one.path} under ${one.key} was accepted, and ${location} is answered ${response.status}`);
        break;
      }
      const {
        id,
        status = '',
        result,
      } = await bodyOf<{ readonly id: string; readonly status?: string; readonly result?: unknown }>(response);
      if (!location.startsWith('/operations/')) break;
      if (['succeeded', 'failed', 'cancelled'].includes(status)) {
        ended.push({ sent: one, id, status, result });
        break;
      }
      if (performance.now() > until) {
        wrong.push(`${location} of ${one.path} has not ended: it is ${status}`);
        break;
      }
      await sleep(50);
    }
  }
  for (const { sent: one, id, status, result } of ended) {
    if (status === 'cancelled' && one.cancelled !== true) wrong.push(`${id} is cancelled, and nobody asked for it`);
    // Every address is used once: what is told as a duplicate was imported twice.
    if (one.path === '/imports' && status === 'succeeded' && (result as { readonly created: number }).created !== 3)
      wrong.push(`${id} has not created three customers: ${JSON.stringify(result)}`);
    const mayFail = one.path === '/trips';
    if (status === 'failed' && !mayFail) wrong.push(`${one.path} under ${one.key} (${id}) failed`);
  }
  return ended;
}

interface Told {
  readonly n: number;
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** All events, of all users. */
async function logOf(demo: Demo, wrong: string[]): Promise<readonly Told[]> {
  const found = new Map<string, Told>();
  for (const user of USERS) {
    let before = 0;
    for (let next: string | undefined = '/events?from=1&limit=1000'; next !== undefined;) {
      const page: { readonly events: readonly Told[]; readonly next?: number } = await bodyOf(await ask(demo, user, next));
      for (const event of page.events) {
        if (event.n <= before) wrong.push(`the log of ${user} goes from ${before} to ${event.n}`);
        before = event.n;
        found.set(event.id, event);
      }
      next = page.next === undefined || page.events.length === 0 ? undefined : `/events?from=${page.next}&limit=1000`;
    }
  }
  const numbers = [...found.values()].map(({ n }) => n).sort((a, b) => a - b);
  for (const [index, n] of numbers.entries()) {
    if (n === index + 1) continue;
    wrong.push(`the log has no event ${index + 1}`);
    break;
  }
  const ends = new Map<string, number>();
  for (const { type, subject } of found.values())
    if (/^operation\.(?:succeeded|failed|cancelled)$/.test(type)) ends.set(subject, (ends.get(subject) ?? 0) + 1);
  for (const [subject, count] of ends) if (count > 1) wrong.push(`${subject} has ended ${count} times`);
  return [...found.values()];
}

/** Money is neither made nor lost, and a transfer is made as often as it was acknowledged: once. */
async function judgeMoney(demo: Demo, sent: readonly Sent[], events: readonly Told[], wrong: string[]): Promise<void> {
  let sum = 0;
  for (const user of USERS) {
    const { accounts } = await bodyOf<{ readonly accounts: readonly { readonly balance: number }[] }>(
      await ask(demo, user, '/accounts'),
    );
    sum += accounts.reduce((so, { balance }) => so + balance, 0);
  }
  if (sum !== BEGUN_WITH) wrong.push(`there are ${sum} cents, and there were ${BEGUN_WITH}`);
  const debits = new Map<unknown, number>();
  for (const { type, data } of events)
    if (type === 'account.debited') debits.set(data['transfer'], (debits.get(data['transfer']) ?? 0) + 1);
  const made = new Set(sent.flatMap(({ path, status, location }) => (path === '/transfers' && status === 201 ? [location] : [])));
  for (const location of made)
    if (debits.get(location) !== 1) wrong.push(`${location} was debited ${debits.get(location) ?? 0} times`);
  for (const transfer of debits.keys()) if (!made.has(transfer as string)) wrong.push(`nobody was told of ${String(transfer)}`);
  const acknowledged = sent.filter(({ path, status }) => path === '/transfers' && status === 201).length;
  if (made.size !== acknowledged) wrong.push(`${acknowledged} transfers were acknowledged, under ${made.size} names`);
}

/** One report for each order that succeeded, and none for others. */
function judgeReports(events: readonly Told[], ended: readonly Ended[], wrong: string[]): void {
  const count = new Map<unknown, number>();
  for (const { type, data } of events)
    if (type === 'report.created') count.set(data['operation'], (count.get(data['operation']) ?? 0) + 1);
  for (const { id, status, sent } of ended) {
    if (sent.path !== '/reports') continue;
    const made = count.get(`/operations/${id}`) ?? 0;
    if (made !== (status === 'succeeded' ? 1 : 0)) wrong.push(`${id} has ${status}, and there are ${made} reports of it`);
  }
}

/** At least one mail for each that succeeded; a repeat has the same Message-ID. */
function judgeMails(ended: readonly Ended[], received: readonly Mail[], wrong: string[]): void {
  const ids = new Map<string, Set<string>>();
  for (const { subject, messageId } of received) ids.set(subject, (ids.get(subject) ?? new Set()).add(messageId));
  for (const { sent, id, status } of ended) {
    if (sent.path !== '/emails') continue;
    const count = ids.get(sent.key)?.size ?? 0;
    if (status === 'succeeded' && count === 0) wrong.push(`${id} has succeeded, and its mail was never seen`);
    if (count > 1) wrong.push(`the mail of ${id} came under ${count} Message-IDs`);
  }
}

/** Every event is told to its subscriber at least once. */
async function judgeHooks(events: readonly Told[], ids: ReadonlySet<string>, wrong: string[]): Promise<void> {
  const until = performance.now() + SETTLE_MS;
  // What happened before anybody subscribed is not told.
  const due = events.filter(({ type }) => type !== 'account.opened' && !type.startsWith('subscription.'));
  for (;;) {
    const missing = due.filter(({ id }) => !ids.has(id));
    if (missing.length === 0) return;
    if (performance.now() > until) {
      wrong.push(`${missing.length} of ${due.length} events were never told, among them ${missing[0]!.id} (${missing[0]!.type})`);
      return;
    }
    await sleep(200);
  }
}

/** What stands at the services is what was booked, all of it, and nothing else. */
function judgeServices(store: string, events: readonly Told[], wrong: string[]): void {
  const standing = new Map<string, string[]>();
  for (const service of ['car', 'hotel', 'payment', 'seat', 'ticket']) {
    const db = new DatabaseSync(`${store}-${service}`);
    for (const row of db.prepare("SELECT id FROM effects WHERE status = 'made'").all()) {
      const [order = ''] = String(row['id']).split('.');
      standing.set(order, [...(standing.get(order) ?? []), service]);
    }
    db.close();
  }
  const booked = new Map<string, string>();
  for (const { type, subject } of events) {
    const order = subject.split('/').at(-1) ?? '';
    if (type === 'booking.confirmed') booked.set(order, 'payment, seat, ticket');
    if (type === 'trip.booked') booked.set(order, 'car, hotel, payment, seat');
  }
  if (booked.size === 0) wrong.push('nothing was ever booked');
  for (const order of new Set([...standing.keys(), ...booked.keys()])) {
    const stands = standing.get(order)?.join(', ') ?? 'nothing';
    const should = booked.get(order) ?? 'nothing';
    if (stands !== should) wrong.push(`of ${order} there stands ${stands}, and should ${should}`);
  }
}

// Those who are told

interface Mail {
  readonly subject: string;
  readonly messageId: string;
}

async function mailServer(): Promise<{ readonly url: string; readonly received: Mail[]; close(): Promise<void> }> {
  const received: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, finish) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const header = (name: string): string => new RegExp(`^${name}: *(.*)$`, 'im').exec(text)?.[1]?.trim() ?? '';
        received.push({ subject: header('subject'), messageId: header('message-id') });
        finish();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    received,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function hookServer(): Promise<{
  readonly url: string;
  readonly ids: ReadonlySet<string>;
  count(): number;
  close(): Promise<void>;
}> {
  const ids = new Set<string>();
  let count = 0;
  const server: Server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      count++;
      ids.add(String(request.headers['webhook-id']));
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    ids,
    count: () => count,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function subscribe(demo: Demo, url: string): Promise<void> {
  for (const user of USERS) {
    const response = await fetch(`${demo.url}/subscriptions`, {
      method: 'POST',
      body: JSON.stringify({ url, types: '*' }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${demo.tokens.get(user)}` },
    });
    if (response.status !== 201) throw new Error(`the subscription of ${user} was answered ${response.status}`);
  }
}
