import type { Passing, Struck } from '../faults/index.ts';
import type { Millis } from '../time/index.ts';
import { definitionOf, readWhere } from '../faults/index.ts';
import { forgedAll, nothingToForge } from './forgery.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { letterOf, pairsOf } from './letter.ts';
import { ordersOf, type Orders, type Shape } from './orders.ts';
import { BrokenOff, shaped } from './shape.ts';
import { isStream } from './streams.ts';

/** `fetch` as clients call it. */
export type Fetching = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FaultyFetchOptions extends InjectorOptions {
  /** What requests go out with; the global `fetch` by default. */
  readonly fetch?: Fetching | undefined;
  /** What a plan calls the other end of a request by; the injector's name by default. */
  readonly peer?: ((url: URL) => string) | undefined;
}

export interface FaultyFetch extends Injected {
  /** For the client under test. */
  readonly fetch: Fetching;
}

/** How many addresses are remembered, and how many bytes of an answer, for those that are answered by what was true before. */
const MAX_REMEMBERED = 1000;
const MAX_REMEMBERED_BYTES = 1_048_576;

/**
 * Harms what goes out by a `fetch`, in process: any `fetch`, also that of an application in memory.
 *
 * The errors are those that Node's own `fetch` gives: `TypeError: fetch failed` with a `cause` that has the code (`ECONNRESET`,
 * `ECONNREFUSED`, `ENOTFOUND`, `EPROTO`); a client that hangs up gets a `TimeoutError`. What stays silent does so until its signal
 * aborts or all is healed.
 *
 * @throws HarnessError `cannot-inject`
 *
 * @example
 * ```ts
 * import { lostResponse, plan } from 'holdfast/faults';
 * import { faultyFetch } from 'holdfast/inject';
 * let orders = 0;
 * const server = async () => Response.json({ id: ++orders });
 * const bad = faultyFetch({ fetch: server, plan: plan({ seed: 1 }, lostResponse({ where: 'POST /orders', nth: 0 })) });
 * const send = () => bad.fetch('http://shop.test/orders', { method: 'POST' });
 * const [first, second] = [await send().catch((error) => error.cause.code), await (await send()).json()];
 * [first, second]; // => ['ECONNRESET', { id: 2 }]
 * await bad.close();
 * ```
 */
export function faultyFetch(options: FaultyFetchOptions = {}): FaultyFetch {
  return new Faulty(options);
}

interface Remembered {
  readonly first: Kept;
  previous: Kept;
}

interface Kept {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array<ArrayBuffer>;
}

class Faulty extends Injection implements FaultyFetch {
  readonly #send: Fetching;
  readonly #peer: (url: URL) => string;
  /** What may be wanted again. */
  readonly #recalled: readonly ((passing: Passing) => boolean)[];
  /** Whether it is to be known what is a delivery, and of what type: only then is each request read first. */
  readonly #reads: boolean;
  readonly #memory = new Map<string, Remembered>();

  constructor(options: FaultyFetchOptions) {
    super('fetch', options);
    this.#send = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#peer = options.peer ?? (() => this.name);
    const { entries } = this.run.plan;
    this.#recalled = entries
      .filter(({ fault }) => definitionOf(fault).does.includes('recall'))
      .map(({ where }) => readWhere(where));
    this.#reads = entries.some(
      ({ fault, where }) => definitionOf(fault).of === 'delivery' || (typeof where === 'object' && where.type !== undefined),
    );
  }

  readonly fetch: Fetching = async (input, init) => {
    const given = input instanceof Request ? input : undefined;
    const url = new URL(input instanceof Request ? input.url : input, 'http://localhost');
    const method = (init?.method ?? given?.method ?? 'GET').toUpperCase();
    const passing: Passing = { method, path: url.pathname + url.search, host: url.host, peer: this.#peer(url) };
    const route = `${method} ${url.host}${url.pathname}`;
    const isKept = this.#recalled.some((fits) => fits(passing));
    const made = (): Made => {
      const request = new Request(given ?? url, init);
      return { request, signal: init?.signal ?? given?.signal ?? request.signal, init: init ?? {}, isKept };
    };
    if (this.#reads) {
      const one = made();
      const body = await bodyOf(one.request);
      const letter = { fields: [...one.request.headers].flat(), body: body ?? NO_BYTES };
      return this.#struck(one, route, this.strike({ ...passing, ...letterOf(letter) }), Promise.resolve(body));
    }
    const struck = this.strike(passing);
    if (struck.harms.length === 0) {
      const sent = this.#send(input, init);
      this.overtaking.passed(route);
      const response = await sent;
      return isKept ? this.#remembered(`${method} ${url.href}`, response) : response;
    }
    const one = made();
    return this.#struck(one, route, struck, bodyOf(one.request));
  };

  async #struck(made: Made, route: string, struck: Struck, body: Promise<Bytes | undefined>): Promise<Response> {
    try {
      return await this.#harmed(made, route, ordersOf(struck.harms), body, () => struck.done());
    } catch (error) {
      struck.done();
      throw error;
    }
  }

  async #harmed(
    made: Made,
    route: string,
    orders: Orders,
    coming: Promise<Bytes | undefined>,
    done: () => void,
  ): Promise<Response> {
    const { signal } = made;
    // From now on others overtake it, and not only once its body has been read.
    const held = this.#held(route, orders, signal);
    const body = await coming;
    const over = new AbortController();
    try {
      return await this.#answered(made, route, orders, body, held, done, over.signal);
    } finally {
      over.abort();
    }
  }

  async #answered(
    made: Made,
    route: string,
    orders: Orders,
    body: Bytes | undefined,
    held: Promise<void> | undefined,
    done: () => void,
    over: AbortSignal,
  ): Promise<Response> {
    const late = this.#hangsUp(orders, over);
    const through = this.#through(made, body, route, orders, held);
    // Whoever has hung up hears nothing of what becomes of it.
    if (late !== undefined) through.catch(() => undefined);
    const response = await (late === undefined ? through : Promise.race([through, late]));
    return this.#shapedAnswer(response, orders, done);
  }

  /** What is late as well is kept back after that. */
  #held(route: string, { hold, delay }: Orders, signal: AbortSignal): Promise<void> | undefined {
    if (hold === undefined || delay > 0) return undefined;
    return this.overtaking.held(route, hold, AbortSignal.any([signal, this.healed]));
  }

  /** The client's patience. */
  #hangsUp({ hangUp }: Orders, over: AbortSignal): Promise<never> | undefined {
    if (hangUp === undefined) return undefined;
    const left = (): never => {
      throw new DOMException('the operation was aborted due to timeout: the client has left', 'TimeoutError');
    };
    // At once is before any answer, however fast that comes.
    if (hangUp === 0) return Promise.resolve().then(left);
    const signal = AbortSignal.any([over, this.healed]);
    // Once all is healed it has the patience that it has.
    return this.clock.sleep(hangUp, signal).then(() => (signal.aborted ? new Promise<never>(() => undefined) : left()));
  }

  async #through(
    made: Made,
    body: Bytes | undefined,
    route: string,
    orders: Orders,
    held: Promise<void> | undefined,
  ): Promise<Response> {
    const { request, signal } = made;
    const { refuse, delay, lost, respond, recall, answerDelay, answerLost } = orders;
    if (refuse !== undefined) throw refused(refuse, new URL(request.url));
    await this.#wait(delay, signal);
    await (held ?? this.#held(route, { ...orders, delay: 0 }, signal));
    signal.throwIfAborted();
    if (lost !== undefined) return this.#lost(lost, signal);
    const key = `${request.method} ${request.url}`;
    const answer =
      respond !== undefined
        ? new Response(bodyFor(respond.status, respond.body), { status: respond.status, headers: pairs(respond.headers) })
        : (this.#before(key, recall) ?? (await this.#sent(made, body, route, orders)));
    await this.#wait(answerDelay, signal);
    if (answerLost === undefined) return answer;
    await answer.body?.cancel();
    return this.#lost(answerLost, signal);
  }

  async #sent(
    { request, signal: own, init, isKept }: Made,
    body: Bytes | undefined,
    route: string,
    orders: Orders,
  ): Promise<Response> {
    const { method, redirect } = request;
    const letter = this.#forged(request, body, orders);
    const send = async (): Promise<Response> => {
      // A client that has hung up does not take the request with it.
      const signal = orders.hangUp === undefined ? own : null;
      const sent = await this.#body(letter.body, orders.request);
      // What runtimes take beside the standard (a dispatcher) stays.
      const { body: _body, ...rest } = init;
      const all: RequestInit = { ...rest, method, headers: letter.headers, redirect, signal };
      return this.#send(request.url, sent === undefined ? all : { ...all, body: sent });
    };
    const first = send();
    this.overtaking.passed(route);
    // The client has its answer when it comes, and sees nothing of the others.
    void this.#repeated(send, orders.repeat);
    const response = await first;
    return isKept ? this.#remembered(`${method} ${request.url}`, response) : response;
  }

  #forged(
    request: Request,
    body: Bytes | undefined,
    { forge }: Orders,
  ): { readonly headers: Headers; readonly body: Bytes | undefined } {
    if (forge.length === 0) return { headers: request.headers, body };
    const letter = { fields: [...request.headers].flat(), body: body ?? NO_BYTES };
    const missing = (what: string): void => void this.trace.record(this.name, nothingToForge(this.name, what));
    const changed = forgedAll(letter, forge, this.run.plan.seed, missing);
    return { headers: new Headers(pairsOf(changed.fields)), body: new Uint8Array(changed.body) };
  }

  async #repeated(send: () => Promise<Response>, repeat: Orders['repeat']): Promise<void> {
    for (const { times, gap } of repeat) {
      for (let i = 1; i <= times; i++) {
        if (gap > 0) await this.clock.sleep(gap, this.healed);
        // What is healed is not harmed any more: what was to come is not sent.
        if (this.healed.aborted) return;
        void send().then(
          (copy) => copy.body?.cancel(),
          () => undefined,
        );
      }
    }
  }

  /** A body in the shape that was ordered; in process, the server gets it when it has come. */
  async #body(body: Bytes | undefined, shape: Shape | undefined): Promise<Bytes | undefined> {
    if (body === undefined || shape === undefined) return body;
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of shaped([body], shape, this.clock, this.healed)) chunks.push(chunk.slice());
    } catch (error) {
      if (error instanceof BrokenOff) throw failed('ECONNRESET', 'write ECONNRESET');
      throw error;
    }
    return new Uint8Array(Buffer.concat(chunks));
  }

  #shapedAnswer(response: Response, { response: shape, skew }: Orders, done: () => void): Response {
    const headers = new Headers(response.headers);
    const date = headers.get('date');
    if (skew !== 0) headers.set('date', new Date((date === null ? this.clock.wall() : Date.parse(date)) + skew).toUTCString());
    const { status, statusText } = response;
    if (shape === undefined || response.body === null) {
      done();
      return skew === 0 ? response : new Response(response.body, { status, statusText, headers });
    }
    const stream = toStream(shaped(response.body, shape, this.clock, this.healed), done);
    return new Response(stream, { status, statusText, headers });
  }

  async #wait(ms: Millis, signal: AbortSignal): Promise<void> {
    if (ms > 0) await this.clock.sleep(ms, AbortSignal.any([signal, this.healed]));
    signal.throwIfAborted();
  }

  /** Nothing comes, or a reset. Once all is healed the connection is gone, so that the client can try again. */
  async #lost({ by, after }: { readonly by: 'silence' | 'reset'; readonly after: Millis }, signal: AbortSignal): Promise<never> {
    if (by === 'reset') await this.#wait(after, signal);
    else await whenever(signal, this.healed);
    signal.throwIfAborted();
    throw failed('ECONNRESET', 'read ECONNRESET');
  }

  /** Keeps what was answered; of what goes on for ever, or is too large, nothing. */
  async #remembered(key: string, response: Response): Promise<Response> {
    if (isStream(response)) return response;
    const body = await wholeOf(response.clone(), MAX_REMEMBERED_BYTES);
    if (body === undefined) return response;
    const { status, headers } = response;
    const kept: Kept = { status, headers: [...headers], body };
    const known = this.#memory.get(key);
    if (known !== undefined) known.previous = kept;
    else if (this.#memory.size < MAX_REMEMBERED) this.#memory.set(key, { first: kept, previous: kept });
    return response;
  }

  #before(key: string, which: Orders['recall']): Response | undefined {
    const kept = which === undefined ? undefined : this.#memory.get(key)?.[which];
    if (kept === undefined) return undefined;
    return new Response(bodyFor(kept.status, kept.body), { status: kept.status, headers: pairs(kept.headers) });
  }

  protected override async stop(): Promise<void> {
    this.#memory.clear();
  }
}

/** A request, and what its caller gave beside what it is made of. */
interface Made {
  readonly request: Request;
  /** The caller's own: that of a request follows it only as long as nobody has collected that request. */
  readonly signal: AbortSignal;
  readonly init: RequestInit;
  /** Its answer may be wanted again. */
  readonly isKept: boolean;
}

type Bytes = Uint8Array<ArrayBuffer>;

const NO_BYTES: Bytes = new Uint8Array();

async function bodyOf(request: Request): Promise<Bytes | undefined> {
  return request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
}

/** All of a body, unless it is larger. */
async function wholeOf({ body }: Response, most: number): Promise<Bytes | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = (body as ReadableStream<Uint8Array> | null)?.getReader();
  for (let next = await reader?.read(); next?.done === false; next = await reader!.read()) {
    size += next.value.byteLength;
    if (size > most) {
      // Not waited for: of two readers' streams it ends with the other one.
      void reader!.cancel();
      return undefined;
    }
    chunks.push(next.value);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** Resolves when one of them aborts. */
function whenever(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  return new Promise((resolve) => {
    if (any.aborted) resolve();
    else any.addEventListener('abort', () => resolve(), { once: true });
  });
}

function toStream(chunks: AsyncGenerator<Uint8Array>, done: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const next = await chunks.next();
          if (next.done !== true) return controller.enqueue(next.value);
          done();
          controller.close();
        } catch (error) {
          done();
          controller.error(error instanceof BrokenOff ? broken() : error);
        }
      },
      async cancel() {
        done();
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** What Node's `fetch` says of a body that breaks off. */
function broken(): TypeError {
  return new TypeError('terminated', { cause: Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }) });
}

function failed(code: string, message: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
}

function refused(as: NonNullable<Orders['refuse']>, { hostname, port }: URL): TypeError {
  if (as === 'dns') return failed('ENOTFOUND', `getaddrinfo ENOTFOUND ${hostname}`);
  if (as === 'tls') return failed('EPROTO', 'write EPROTO: ssl/tls alert handshake failure');
  return failed('ECONNREFUSED', `connect ECONNREFUSED ${hostname}:${port === '' ? '80' : port}`);
}

function bodyFor<B>(status: number, body: B): B | null {
  return [204, 205, 304].includes(status) ? null : body;
}

function pairs(headers: readonly (readonly [string, string])[]): [string, string][] {
  return headers.map(([name, value]) => [name, value]);
}
