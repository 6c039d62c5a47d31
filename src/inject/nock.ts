import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { HarnessError } from '../errors.ts';
import { definitionOf, readWhere, type Passing, type Plan, type Struck } from '../faults/index.ts';
import { systemClock, type Millis } from '../time/index.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { pairsOf } from './letter.ts';
import { ordersOf, type Orders } from './orders.ts';
import { shaped } from './shape.ts';

const net = (): typeof import('node:net') => process.getBuiltinModule('node:net');

/** The most bytes of one answer that is harmed: it is held whole. */
const MAX_ANSWER_BYTES = 8_388_608;
/** How many addresses are remembered, for those that are answered by what was true before. */
const MAX_REMEMBERED = 1000;
/** The most bytes of one answer that is remembered. */
const MAX_HELD_BYTES = 1_048_576;
/** How long servers may take, at the end, for what they have not answered yet, in milliseconds of the machine. */
const CLOSING_MS: Millis = 5_000;
/** How many turns of the loop nock gets to tell a client what became of its request. */
const TURNS = 3;

export interface NockOptions extends InjectorOptions {
  /**
   * The hosts that may be harmed, name and port as in `where` (`pay.example`, `127.0.0.1:8080`, `*.example`); by default those that the
   * plan names.
   */
  readonly hosts?: readonly string[] | undefined;
  /**
   * Whom to trust, in PEM, when a request that is struck is sent on by `https:`; those that Node trusts by default. What the client was
   * told to trust is not seen here.
   */
  readonly ca?: string | undefined;
}

/** What is used of nock 15. */
interface Nock {
  (base: string, options: { readonly allowUnmocked: true; readonly filteringScope: (origin: string) => boolean }): NockScope;
  /** Method and address of each. */
  activeMocks(): readonly string[];
  isActive(): boolean;
  activate(): void;
  restore(): void;
  removeInterceptor(interceptor: unknown): boolean;
}

interface NockScope {
  persist(): NockScope;
  intercept(uri: () => boolean, method: string): NockInterceptor;
}

interface NockInterceptor {
  matchOrigin(request: Request): boolean;
  match(request: Request, body: string): string[];
  reply(answer: (request: Request) => Promise<NockReply>): unknown;
}

type NockReply = readonly [status: number, body: Buffer | string, headers: readonly string[]];

/** Where nock keeps what injectors have: an address that nobody asks (RFC 6761 §6.4). */
const PLACE = 'http://holdfast.invalid';

/** How many injectors have nock at work, and whether it is theirs to put away. */
const shared = { users: 0, isOurs: false };

/**
 * Harms what any code of this process sends by `node:http`, `node:https` or `fetch`, also code of others: by nock 15, which takes the
 * connection before it is made. What the plan does not strike goes to the real server as if nothing were between, and is streamed; what
 * it does strike is sent on whole. At `close` nothing is mocked any more, and nock is put away, unless it was at work before.
 *
 * It cannot do what is done to an answer while it streams (bandwidth, slicer, slow close, truncate, limit): a body that nock cuts off
 * hangs, and one that it delays ends the process when its client leaves. Delays are therefore before the answer's header. A request with
 * `Expect: 100-continue` passes unharmed. A host that is harmed cannot be mocked by nock as well. nock itself keeps some 40 KB, and a handle without a connection, of each request that it answers until the
 * process ends.
 *
 * @throws HarnessError `cannot-inject`, `not-installed`, `no-hosts`, `already-mocked`
 *
 * @example
 * ```ts
 * import { lostResponse, plan } from 'holdfast/faults';
 * import { nock } from 'holdfast/inject';
 *
 * async function withLostPayments(test: () => Promise<void>) {
 *   const bad = await nock({ plan: plan({ seed: 1 }, lostResponse({ where: 'POST https://pay.example/charges', nth: 0 })) });
 *   try {
 *     await test(); // whatever client the code under test has
 *   } finally {
 *     await bad.close();
 *   }
 * }
 * ```
 */
export async function nock(options: NockOptions = {}): Promise<Injected> {
  const hosts = options.hosts ?? hostsIn(options.plan);
  const injected = new Nocked(options, hosts);
  try {
    await injected.install();
    return injected;
  } catch (error) {
    injected.heal();
    throw error;
  }
}

interface Kept {
  readonly first: NockReply;
  previous: NockReply;
}

class Nocked extends Injection {
  readonly #hosts: readonly string[];
  readonly #struck = new WeakMap<Request, Struck>();
  readonly #ca: string | undefined;
  /** What may be wanted again. */
  readonly #recalled: readonly ((passing: Passing) => boolean)[];
  readonly #memory = new Map<string, Kept>();
  readonly #going = new Set<Promise<unknown>>();
  /** What its server has not answered yet. */
  readonly #asking = new Set<ClientRequest>();
  #remove: (() => void) | undefined;
  #connect: Socket['connect'] | undefined;

  constructor(options: NockOptions, hosts: readonly string[]) {
    super('nock', options);
    this.#hosts = hosts;
    this.#ca = options.ca;
    const recalling = this.run.plan.entries.filter(({ fault }) => definitionOf(fault).does.includes('recall'));
    this.#recalled = recalling.map(({ where }) => readWhere(where));
  }

  async install(): Promise<void> {
    // oxlint-disable-next-line typescript/unbound-method -- to be compared alone
    const bare = net().Socket.prototype.connect;
    const library = await load();
    const isFresh = net().Socket.prototype.connect !== bare;
    // Its own connections must not be taken again: they are made as they were before.
    const wasActive = library.isActive() && !isFresh;
    if (library.isActive()) library.restore();
    // oxlint-disable-next-line typescript/unbound-method -- it is called with its socket
    this.#connect = net().Socket.prototype.connect;
    library.activate();
    if (shared.users++ === 0) shared.isOurs = !wasActive;
    const origins = originOf(this.#hosts);
    const mocked = library.activeMocks().find((one) => origins.test(one.split(' ')[1]?.replace(/(?<!\/)\/(?!\/).*$/, '') ?? ''));
    if (mocked !== undefined) {
      this.#putAway(library);
      throw new HarnessError(
        'already-mocked',
        `nock: '${mocked}' is mocked already, and who mocks a host first is asked alone`,
        "harm another host, or leave that mock out: the fault status answers in a server's stead",
      );
    }
    // One place for all injectors: of several that fit a host, nock asks the first alone, even when there is nothing left in it.
    const scope = library(PLACE, { allowUnmocked: true, filteringScope: (origin) => origins.test(origin) }).persist();
    const one = scope.intercept(() => true, 'GET');
    // It is asked once of each request, whatever its method: here it is decided whether this one is harmed.
    one.matchOrigin = (request) => origins.test(atOf(request)) && this.#strikes(request);
    // Another injector may be at work on the same host.
    one.match = (request) => (this.#struck.has(request) ? [] : ['not struck']);
    one.reply((request) => this.#answer(request));
    this.#remove = () => {
      library.removeInterceptor(one);
      this.#putAway(library);
    };
  }

  #putAway(library: Nock): void {
    if (--shared.users === 0 && shared.isOurs) library.restore();
  }

  #passing(request: Request): Passing {
    return { ...partsOf(request), peer: this.name };
  }

  #isKept(request: Request): boolean {
    if (this.#recalled.length === 0) return false;
    const passing = this.#passing(request);
    return this.#recalled.some((fits) => fits(passing));
  }

  #strikes(request: Request): boolean {
    const passing = this.#passing(request);
    const struck = this.strike(passing);
    // Of one that is to overtake another it must be known when it has.
    if (struck.harms.length === 0 && !this.#isKept(request) && !this.overtaking.isAwaited(routeOf(request))) return false;
    this.#struck.set(request, struck);
    return true;
  }

  #answer(request: Request): Promise<NockReply> {
    const answering = this.#harmed(request);
    this.#follow(answering);
    return answering;
  }

  async #harmed(request: Request): Promise<NockReply> {
    const struck = this.#struck.get(request);
    const orders = ordersOf(struck?.harms ?? []);
    const over = new AbortController();
    try {
      const through = this.#through(request, orders);
      this.#follow(through);
      if (orders.hangUp === undefined) return await through;
      return await Promise.race([this.#leaves(orders.hangUp, over.signal), through]);
    } finally {
      over.abort();
      struck?.done();
    }
  }

  /** The client's patience; once all is healed it has the one that it has. */
  async #leaves(after: Millis, over: AbortSignal): Promise<never> {
    const signal = AbortSignal.any([over, this.healed]);
    // At once is before any answer, however fast that comes.
    if (after > 0) await this.clock.sleep(after, signal);
    if (after > 0 && signal.aborted) return new Promise(() => undefined);
    throw failed('ECONNRESET', 'socket hang up: the client has left');
  }

  async #through(request: Request, orders: Orders): Promise<NockReply> {
    const { refuse, delay, hold, lost, respond, recall, answerDelay, answerLost } = orders;
    if (refuse !== undefined) throw refused(refuse, new URL(request.url));
    await this.#wait(delay);
    if (hold !== undefined) await this.overtaking.held(routeOf(request), hold, this.healed);
    if (lost !== undefined) return this.#lost(lost);
    const key = `${request.method} ${request.url}`;
    const before = recall === undefined ? undefined : this.#memory.get(key)?.[recall];
    const reply =
      respond === undefined
        ? (before ?? (await this.#sent(request, key, orders)))
        : ([respond.status, respond.body, respond.headers.flat()] as const);
    await this.#wait(answerDelay);
    if (answerLost !== undefined) return this.#lost(answerLost);
    return this.#skewed(await this.#corrupted(reply, orders), orders.skew);
  }

  async #sent(request: Request, key: string, orders: Orders): Promise<NockReply> {
    let body = Buffer.from(await request.arrayBuffer());
    if (orders.request?.corrupt !== undefined) body = await this.#noisy(body, { corrupt: orders.request.corrupt });
    const first = this.#forward(request, body);
    for (const { times, gap } of orders.repeat)
      for (let n = 1; n <= times; n++)
        this.#follow(
          this.clock
            .sleep(n * gap, this.healed)
            .then(() => (gap > 0 && this.healed.aborted ? undefined : this.#forward(request, body))),
        );
    const reply = await first.finally(() => this.overtaking.passed(routeOf(request)));
    if (!this.#isKept(request) || reply[1].length > MAX_HELD_BYTES) return reply;
    const known = this.#memory.get(key);
    if (known !== undefined) known.previous = reply;
    else if (this.#memory.size < MAX_REMEMBERED) this.#memory.set(key, { first: reply, previous: reply });
    return reply;
  }

  /** To the real server, by a connection that nock does not see. */
  #forward(request: Request, body: Buffer): Promise<NockReply> {
    const url = new URL(request.url);
    const isSecure = url.protocol === 'https:';
    const hostname = url.hostname.replaceAll(/^\[|\]$/g, '');
    const port = Number(url.port === '' ? (isSecure ? 443 : 80) : url.port);
    return new Promise((resolve, reject) => {
      const headers: Record<string, string> = { ...Object.fromEntries(request.headers), host: url.host };
      delete headers['connection'];
      delete headers['transfer-encoding'];
      if (body.byteLength > 0) headers['content-length'] = String(body.byteLength);
      const outgoing = process.getBuiltinModule(isSecure ? 'node:https' : 'node:http').request(url, {
        method: request.method,
        headers,
        // Only without an agent, which would make its own.
        createConnection: () => {
          const socket = new (net().Socket)();
          Reflect.apply(this.#connect!, socket, [{ port, host: hostname }]);
          if (!isSecure) return socket;
          // An address is no name that could be asked for (RFC 6066 §3).
          const named = net().isIP(hostname) === 0 ? { servername: hostname } : {};
          const trusted = this.#ca === undefined ? {} : { ca: this.#ca };
          return process.getBuiltinModule('node:tls').connect({ socket, host: hostname, ...named, ...trusted });
        },
      });
      this.#asking.add(outgoing);
      outgoing.on('close', () => this.#asking.delete(outgoing));
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        void read(response).then((bytes) => {
          // What was decoded for the client would be decoded twice.
          const fields = pairsOf(response.rawHeaders).filter(
            ([name]) => !/^(transfer-encoding|connection|keep-alive)$/i.test(name),
          );
          resolve([response.statusCode ?? 502, bytes, fields.flat()]);
        }, reject);
      });
      outgoing.end(body);
    });
  }

  async #corrupted(reply: NockReply, { response }: Orders): Promise<NockReply> {
    if (response?.corrupt === undefined) return reply;
    const [status, body, headers] = reply;
    return [status, await this.#noisy(Buffer.from(body), { corrupt: response.corrupt }), headers];
  }

  async #noisy(body: Buffer, shape: Parameters<typeof shaped>[1]): Promise<Buffer<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of shaped([body], shape, this.clock, this.healed)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  #skewed([status, body, headers]: NockReply, skew: number): NockReply {
    if (skew === 0) return [status, body, headers];
    const fields = pairsOf(headers).filter(([name]) => name.toLowerCase() !== 'date');
    const date = pairsOf(headers).find(([name]) => name.toLowerCase() === 'date')?.[1];
    const wrong = new Date((date === undefined ? this.clock.wall() : Date.parse(date)) + skew).toUTCString();
    return [status, body, [...fields.flat(), 'Date', wrong]];
  }

  async #wait(ms: number): Promise<void> {
    if (ms > 0) await this.clock.sleep(ms, this.healed);
  }

  /** Nothing comes, or a reset; once all is healed the connection is gone, so that the client can try again. */
  async #lost({ by, after }: NonNullable<Orders['lost']>): Promise<never> {
    if (by === 'reset') await this.#wait(after);
    else if (!this.healed.aborted)
      await new Promise<void>((resolve) => this.healed.addEventListener('abort', () => resolve(), { once: true }));
    throw failed('ECONNRESET', 'read ECONNRESET');
  }

  #follow(one: Promise<unknown>): void {
    const over = one.then(
      () => undefined,
      () => undefined,
    );
    this.#going.add(over);
    void over.finally(() => this.#going.delete(over));
  }

  protected override async stop(): Promise<void> {
    const remove = this.#remove;
    this.#remove = undefined;
    // A server that never answers does not keep it at work.
    const ended = new AbortController();
    void systemClock.sleep(CLOSING_MS, ended.signal).then(() => {
      for (const request of this.#asking) request.destroy();
    });
    while (this.#going.size > 0) await Promise.all(this.#going);
    ended.abort();
    // What was refused just now is still being told to its client by nock: only then may it be put away.
    for (let turn = 0; turn < TURNS; turn++) await systemClock.sleep(0);
    remove?.();
    this.#memory.clear();
  }
}

async function load(): Promise<Nock> {
  try {
    return (await import('nock')).default;
  } catch (error) {
    throw new HarnessError(
      'not-installed',
      'nock harms by nock 15, which is not installed',
      'npm install --save-dev nock, or use fetch or a proxy',
      { cause: error },
    );
  }
}

/** The hosts that a plan names. */
function hostsIn(plan: Plan | undefined): readonly string[] {
  const hosts = new Set<string>();
  for (const { where, id } of plan?.entries ?? []) {
    const host = typeof where === 'string' ? /^(?:[A-Z*]+ +)?https?:\/\/([^/?#]+)/.exec(where.trim())?.[1] : where.host;
    if (host === undefined)
      throw new HarnessError(
        'no-hosts',
        `nock: '${id}' names no host, and all that this process sends is not to be harmed by chance`,
        "write where: 'POST https://pay.example/charges', or name the hosts: { hosts: ['pay.example'] }",
      );
    hosts.add(host);
  }
  return [...hosts];
}

/** What nock calls an origin: `https://pay.example:443`. */
function originOf(hosts: readonly string[]): RegExp {
  for (const host of hosts) readWhere({ host });
  const one = (host: string): string => {
    const [, name = host, port = '(80|443)'] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
    const bare = name.replaceAll(/^\[|\]$/g, '');
    return `${bare.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`).replaceAll(/\*+/g, '[^/:]*')}:${port}`;
  };
  return new RegExp(`^https?://(${hosts.length === 0 ? '(?!)' : hosts.map(one).join('|')})$`);
}

function partsOf(request: Request): { readonly method: string; readonly host: string; readonly path: string } {
  const { host, pathname, search } = new URL(request.url);
  return { method: request.method.toUpperCase(), host, path: pathname + search };
}

/** As nock writes an origin. */
function atOf({ url }: Request): string {
  const { protocol, hostname, port } = new URL(url);
  return `${protocol}//${hostname.replaceAll(/^\[|\]$/g, '')}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
}

function routeOf(request: Request): string {
  const { host, pathname } = new URL(request.url);
  return `${request.method} ${host}${pathname}`;
}

function read(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size <= MAX_ANSWER_BYTES) return void chunks.push(chunk);
      incoming.destroy();
      reject(failed('ECONNRESET', `its answer has more than ${MAX_ANSWER_BYTES} bytes`));
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', reject);
  });
}

function failed(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function refused(as: NonNullable<Orders['refuse']>, { hostname, port }: URL): Error {
  if (as === 'dns') return failed('ENOTFOUND', `getaddrinfo ENOTFOUND ${hostname}`);
  if (as === 'tls') return failed('EPROTO', 'write EPROTO: ssl/tls alert handshake failure');
  return failed('ECONNREFUSED', `connect ECONNREFUSED ${hostname}:${port === '' ? '80' : port}`);
}
