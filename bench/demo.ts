import { spawn, type ChildProcess } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { table, times } from './inside-vitest.ts';

/** How often each server is started. */
const STARTS = 7;
/** Requests a second, and for how many seconds. */
const RATE = 200;
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 30);
const CONNECTIONS = 32;
const CLOSED_LOOP_MS = 5_000;
/** What an operation is worked on, in milliseconds, and how often it is looked at. */
const WORK_MS = 500;
const LOOK_MS = 200;
/** What is to hold, on a machine of two cores. */
const BOUNDS = { 'start-up, ms': 300, 'memory, MB': 150, errors: 0 } as const;

const cli = join(import.meta.dirname, '../dist/cli/main.js');
const BARE = `
  import { createServer } from 'node:http';
  const body = JSON.stringify({ id: 'cus_1', name: 'Ada', email: 'ada@example.test', createdAt: '2024-01-01T00:00:00.000Z' });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const server = createServer((incoming, outgoing) => {
    incoming.resume().on('end', () => outgoing.writeHead(200, headers).end(body));
  });
  server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: 'http://127.0.0.1:' + server.address().port })));
`;

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

type Send = (
  method: string,
  path: string,
  options?: { token?: string; body?: object; headers?: Record<string, string> },
) => Promise<Answer>;

interface Running {
  readonly url: string;
  /** From the start of the process to its first answer, in milliseconds. */
  readonly startUp: number;
  readonly send: Send;
  stop(): Promise<void>;
}

async function start(args: readonly string[], firstPath: string): Promise<Running> {
  const from = performance.now();
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  // Also when the measurement fails.
  const kill = (): void => void child.kill();
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve);
    child.once('close', (code) => reject(new Error(`the server ended with code ${code}`)));
  });
  const { url } = JSON.parse(line) as { url: string };
  // A connection that was idle for so long is not taken again: the demo closes it after five seconds, and the two might meet.
  const agent = new Agent({ keepAlive: true, maxSockets: 512, timeout: 3_000 });
  const send: Send = (method, path, { token, body, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const fields = {
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      };
      const sent = request(`${url}${path}`, { method, headers: fields, agent }, (response) => {
        let told = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (told += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: told }));
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  await send('GET', firstPath);
  return {
    url,
    startUp: performance.now() - from,
    send,
    async stop() {
      agent.destroy();
      kill();
      await ended;
      process.off('exit', kill);
    },
  };
}

const demo = (): Promise<Running> =>
  start([cli, 'demo', '--port', '0', '--json', '--seed', '1', '--work', `${WORK_MS}ms`], '/airports?q=a');
const bare = (): Promise<Running> => start(['--input-type=module', '-e', BARE], '/');

/** What is asked for, in turns; those whose work takes its time by itself are told apart. */
const TURNS = [
  ...['login', 'accounts', 'transfer', 'transfer', 'transfer', 'order', 'sync'],
  ...['create', 'create', 'read', 'read', 'read', 'replace', 'remove'],
  ...['airports', 'airports', 'airports', 'airports', 'list', 'report'],
] as const;
type Turn = (typeof TURNS)[number] | 'booking' | 'look';
/** Every so many requests one books a flight, instead. */
const BOOKING_EVERY = 100;
/** How long the work of these takes by itself, in milliseconds. */
const WORKING: Readonly<Partial<Record<Turn, number>>> = { sync: 20, booking: 1_200 };

interface Load {
  /** Over what their work takes, in milliseconds from the moment at which each was meant to be sent. */
  readonly late: readonly { readonly turn: Turn; readonly ms: number }[];
  readonly errors: readonly string[];
}

/** A client that knows what it made: each of its turns is one request that must be answered as it should. */
async function client(send: Send, isBare: boolean): Promise<(turn: Turn, nth: number) => Promise<Turn | undefined>> {
  const tokens: string[] = [];
  const logIn = async (user: string): Promise<string> => {
    const { body } = await send('POST', '/login', { body: { user, password: `${user}-demo` } });
    return isBare ? 'none' : (JSON.parse(body) as { token: string }).token;
  };
  for (const user of ['ann', 'bob', 'eve']) tokens.push(await logIn(user));
  /** Those that are only read, and those that are changed and deleted: a client does not read what it deletes at the same time. */
  const kept: { readonly path: string; readonly token: string }[] = [];
  const customers: { readonly path: string; readonly token: string; etag: string }[] = [];
  const operations: { readonly path: string; readonly token: string }[] = [];
  const reports: { readonly path: string; readonly token: string }[] = [];
  const expectStatus = (answer: Answer, ...statuses: number[]): void => {
    if (!isBare && !statuses.includes(answer.status)) throw new Error(`${answer.status} ${answer.body.slice(0, 200)}`);
  };
  const locationOf = ({ headers }: Answer): string => String(headers['location'] ?? '/customers/cus_1');
  return async (turn, nth) => {
    const user = nth % 3;
    const token = tokens[user]!;
    const name = ['ann', 'bob', 'eve'][user]!;
    const customer = { name: `Customer ${nth}`, email: `c${nth}@example.test` };
    switch (turn) {
      case 'login':
        expectStatus(await send('POST', '/login', { body: { user: name, password: `${name}-demo` } }), 200);
        return;
      case 'accounts':
        expectStatus(await send('GET', '/accounts', { token }), 200);
        return;
      case 'airports':
        expectStatus(await send('GET', `/airports?q=${'abflp'[nth % 5]}`), 200);
        return;
      case 'list':
        expectStatus(await send('GET', '/transfers', { token }), 200);
        return;
      case 'transfer': {
        const accounts = [`acc_${name}_current`, `acc_${name}_savings`];
        const [from, to] = nth % 2 === 0 ? accounts : accounts.toReversed();
        // One in ten is a repeat.
        const key = `"t${nth % 10 === 0 ? nth - (nth % 10) : nth}"`;
        const body = { from, to, amount: 1, reference: 'bench' };
        expectStatus(await send('POST', '/transfers', { token, body, headers: { 'idempotency-key': key } }), 201);
        return;
      }
      case 'create': {
        const made = await send('POST', '/customers', { token, body: customer });
        expectStatus(made, 201);
        const known = { path: locationOf(made), token, etag: String(made.headers['etag']) };
        if (kept.length < customers.length) kept.push(known);
        else customers.push(known);
        return;
      }
      case 'read': {
        const known = kept[nth % Math.max(1, kept.length)];
        expectStatus(await send('GET', known?.path ?? '/customers', { token: known?.token ?? token }), 200);
        return;
      }
      case 'replace': {
        const known = customers.pop();
        if (known === undefined) return;
        const answer = await send('PUT', known.path, { token: known.token, body: customer, headers: { 'if-match': known.etag } });
        expectStatus(answer, 200);
        customers.push({ ...known, etag: String(answer.headers['etag']) });
        return;
      }
      case 'remove': {
        const known = customers.pop();
        if (known !== undefined)
          expectStatus(await send('DELETE', known.path, { token: known.token, headers: { 'if-match': known.etag } }), 204);
        return;
      }
      case 'sync': {
        const answer = await send('POST', '/reports?mode=sync', { token, body: { rows: 5, work: WORKING.sync } });
        expectStatus(answer, 200);
        reports.push({ path: String(answer.headers['content-location'] ?? '/reports/rep_1'), token });
        return;
      }
      case 'report': {
        const known = reports[nth % Math.max(1, reports.length)];
        expectStatus(await send('GET', known?.path ?? '/reports', { token: known?.token ?? token }), 200);
        return;
      }
      case 'order': {
        const accepted = await send('POST', '/reports', { token, body: { rows: 5 } });
        expectStatus(accepted, 202);
        operations.push({ path: isBare ? '/' : locationOf(accepted), token });
        return 'look';
      }
      case 'look': {
        const known = operations.shift();
        if (known === undefined) return;
        const answer = await send('GET', known.path, { token: known.token });
        expectStatus(answer, 200);
        if (isBare || JSON.parse(answer.body)['status'] === 'succeeded') return;
        if (JSON.parse(answer.body)['status'] === 'failed') throw new Error(answer.body);
        operations.push(known);
        return 'look';
      }
      case 'booking': {
        const body = {
          flight: `HF${(nth % 800) + 100}`.replace(/(000|999)$/, '123'),
          passenger: 'Ada',
          card: '4242424242424242',
        };
        expectStatus(await send('POST', '/bookings', { token, body, headers: { 'idempotency-key': `"b${nth}"` } }), 201);
        return;
      }
    }
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Sends by the clock, whatever was answered: a slow server does not get fewer requests. */
async function openLoop(server: Running, isBare: boolean): Promise<Load> {
  const take = await client(server.send, isBare);
  const late: { turn: Turn; ms: number }[] = [];
  const errors: string[] = [];
  const going = new Set<Promise<void>>();
  const begin = (turn: Turn, nth: number, meant: number): void => {
    const run: Promise<void> = take(turn, nth)
      .then(
        async (then) => {
          late.push({ turn, ms: performance.now() - meant - (isBare ? 0 : (WORKING[turn] ?? 0)) });
          if (then === undefined) return;
          await sleep(LOOK_MS);
          begin(then, nth, performance.now());
        },
        (error: unknown) => void errors.push(`${turn}: ${error instanceof Error ? error.message : String(error)}`),
      )
      .finally(() => void going.delete(run));
    going.add(run);
  };
  const from = performance.now();
  for (let nth = 1; nth <= RATE * SECONDS; nth++) {
    const meant = from + (nth * 1000) / RATE;
    // A timer may fire a little too early, and nothing is to be answered before it was meant to be sent.
    for (let wait = meant - performance.now(); wait > 0; wait = meant - performance.now()) await sleep(Math.ceil(wait));
    begin(nth % BOOKING_EVERY === 0 ? 'booking' : TURNS[nth % TURNS.length]!, nth, meant);
  }
  while (going.size > 0) await Promise.all(going);
  return { late, errors };
}

/** Requests a second when each of so many connections sends the next as soon as it has an answer; without what waits by itself. */
async function closedLoop(server: Running, isBare: boolean): Promise<number> {
  const take = await client(server.send, isBare);
  const turns = TURNS.filter((turn) => turn !== 'sync' && turn !== 'order');
  const until = performance.now() + CLOSED_LOOP_MS;
  let count = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < until) {
        const nth = 1_000_000 + count++;
        await take(turns[nth % turns.length]!, nth);
      }
    }),
  );
  return count / (CLOSED_LOOP_MS / 1000);
}

/** The most memory that the demo told of itself, in megabytes, until it is stopped. */
function watchMemory({ send }: Running): () => number {
  let most = 0;
  const timer = setInterval(() => {
    void send('GET', '/metrics').then(({ body }) => {
      most = Math.max(most, Number(/^process_resident_memory_bytes (\d+)$/m.exec(body)?.[1] ?? 0));
    }, console.error);
  }, 500);
  return () => {
    clearInterval(timer);
    return most / 1e6;
  };
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

/**
 * The demo as a user starts it, beside a server of node:http that answers everything with one constant text: start-up, latencies under
 * a load that is sent by the clock, memory, and the most that goes through.
 */
export default async function run(): Promise<void> {
  // In turns, and the best of each: what else goes on here only ever adds to it.
  const startUp = { demo: Number.POSITIVE_INFINITY, bare: Number.POSITIVE_INFINITY };
  for (let round = 0; round < STARTS; round++) {
    for (const which of ['demo', 'bare'] as const) {
      const server = await (which === 'bare' ? bare() : demo());
      startUp[which] = Math.min(startUp[which], server.startUp);
      await server.stop();
    }
  }

  const results: { readonly load: Load; readonly most: number }[] = [];
  let memory = 0;
  for (const isBare of [false, true]) {
    const server = await (isBare ? bare() : demo());
    const watched = isBare ? undefined : watchMemory(server);
    const load = await openLoop(server, isBare);
    memory = watched?.() ?? memory;
    const most = await closedLoop(server, isBare);
    results.push({ load, most });
    await server.stop();
  }
  const [own, peer] = [results[0]!, results[1]!];
  const sorted = ({ late }: Load, of: (turn: Turn) => boolean): number[] =>
    late
      .filter(({ turn }) => of(turn))
      .map(({ ms }) => ms)
      .sort((a, b) => a - b);
  const row = (name: string, of: (turn: Turn) => boolean): Record<string, string | number> => {
    const [mine, its] = [sorted(own.load, of), sorted(peer.load, of)];
    return {
      [`${RATE} requests a second for ${SECONDS} s`]: name,
      count: mine.length,
      ...Object.fromEntries(
        [0.5, 0.95, 0.99].map((share) => [
          `p${share * 100}, ms`,
          `${percentile(mine, share).toFixed(1)} (${times(percentile(mine, share), percentile(its, share))})`,
        ]),
      ),
    };
  };
  const turns: readonly Turn[] = [...new Set<Turn>([...TURNS, 'look', 'booking'])];
  table([row('all', () => true), ...turns.map((name) => row(name, (turn) => turn === name))]);
  console.log(
    '\nIn brackets: over the same load on a bare server. Of bookings and synchronous reports, what is more than their work.\n',
  );
  const { errors } = own.load;
  table([
    {
      figure: 'start-up, ms',
      demo: startUp.demo.toFixed(0),
      bare: startUp.bare.toFixed(0),
      'demo ÷ bare': times(startUp.demo, startUp.bare),
    },
    {
      figure: `requests a second, ${CONNECTIONS} connections`,
      demo: own.most.toFixed(0),
      bare: peer.most.toFixed(0),
      'demo ÷ bare': times(own.most, peer.most),
    },
    { figure: 'memory, MB', demo: memory.toFixed(0), bare: '', 'demo ÷ bare': '' },
    { figure: 'errors', demo: errors.length, bare: peer.load.errors.length, 'demo ÷ bare': '' },
  ]);
  for (const error of errors.slice(0, 5)) console.log(`error: ${error}`);
  const found = { 'start-up, ms': startUp.demo, 'memory, MB': memory, errors: errors.length };
  for (const [name, bound] of Object.entries(BOUNDS)) {
    const value = found[name as keyof typeof found];
    if (value > bound) console.log(`over its bound: ${name} is ${value.toFixed(0)}, and at most ${bound} is meant to be`);
  }
}
