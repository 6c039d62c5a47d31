import type { Passing, Plan } from '../faults/index.ts';
import type { Millis } from '../time/index.ts';
import { definitionOf } from '../faults/index.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { ordersOf, type Orders, type Shape } from './orders.ts';
import { BrokenOff, shaped } from './shape.ts';

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
  readonly #remembers: boolean;
  readonly #memory = new Map<string, Remembered>();

  constructor(options: FaultyFetchOptions) {
    super('fetch', options);
    this.#send = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#peer = options.peer ?? (() => this.name);
    this.#remembers = needsMemory(this.run.plan);
  }

  readonly fetch: Fetching = async (input, init) => {
    const given = input instanceof Request ? input : undefined;
    const url = new URL(input instanceof Request ? input.url : input, 'http://localhost');
    const method = (init?.method ?? given?.method ?? 'GET').toUpperCase();
    const passing: Passing = { method, path: url.pathname + url.search, host: url.host, peer: this.#peer(url) };
    const struck = this.strike(passing);
    const route = `${method} ${url.host}${url.pathname}`;
    if (struck.harms.length === 0) {
      const sent = this.#send(input, init);
      this.overtaking.passed(route);
      const response = await sent;
      return this.#remembers ? this.#remember(`${method} ${url.href}`, response) : response;
    }
    try {
      return await this.#harmed(new Request(input, init), route, ordersOf(struck.harms), () => struck.done());
    } catch (error) {
      struck.done();
      throw error;
    }
  };

  async #harmed(request: Request, route: string, orders: Orders, done: () => void): Promise<Response> {
    const { signal } = request;
    // From now on others overtake it, and not only once its body has been read.
    const held = this.#held(route, orders, signal);
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    const late = this.#hangsUp(orders, signal);
    const through = this.#through(request, body, route, orders, signal, held);
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
  #hangsUp({ hangUp }: Orders, signal: AbortSignal): Promise<never> | undefined {
    if (hangUp === undefined) return undefined;
    const left = (): never => {
      throw new DOMException('the operation was aborted due to timeout: the client has left', 'TimeoutError');
    };
    // At once is before any answer, however fast that comes.
    return (hangUp === 0 ? Promise.resolve() : this.clock.sleep(hangUp, signal)).then(left);
  }

  async #through(
    request: Request,
    body: Uint8Array<ArrayBuffer> | undefined,
    route: string,
    orders: Orders,
    signal: AbortSignal,
    held: Promise<void> | undefined,
  ): Promise<Response> {
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
        : (this.#recalled(key, recall) ?? (await this.#sent(request, body, route, orders)));
    await this.#wait(answerDelay, signal);
    if (answerLost === undefined) return answer;
    await answer.body?.cancel();
    return this.#lost(answerLost, signal);
  }

  async #sent(request: Request, body: Uint8Array<ArrayBuffer> | undefined, route: string, orders: Orders): Promise<Response> {
    const send = async (): Promise<Response> => {
      const { method, headers, redirect } = request;
      // A client that has hung up does not take the request with it.
      const signal = orders.hangUp === undefined ? request.signal : null;
      const sent = await this.#body(body, orders.request);
      const init: RequestInit = { method, headers, redirect, signal };
      return this.#send(request.url, sent === undefined ? init : { ...init, body: sent });
    };
    const first = send();
    this.overtaking.passed(route);
    // The client has its answer when it comes, and sees nothing of the others.
    void this.#repeated(send, orders.repeat);
    const response = await first;
    return this.#remembers ? this.#remember(`${request.method} ${request.url}`, response) : response;
  }

  async #repeated(send: () => Promise<Response>, repeat: Orders['repeat']): Promise<void> {
    for (const { times, gap } of repeat) {
      for (let i = 1; i <= times; i++) {
        if (gap > 0) await this.clock.sleep(gap, this.healed);
        void send().then(
          (copy) => copy.body?.cancel(),
          () => undefined,
        );
      }
    }
  }

  /** A body in the shape that was ordered; in process, the server gets it when it has come. */
  async #body(body: Uint8Array<ArrayBuffer> | undefined, shape: Shape | undefined): Promise<Uint8Array<ArrayBuffer> | undefined> {
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

  async #remember(key: string, response: Response): Promise<Response> {
    const { status, headers } = response;
    const bytes = new Uint8Array(await response.clone().arrayBuffer());
    const kept: Kept = { status, headers: [...headers], body: bytes.subarray(0, MAX_REMEMBERED_BYTES) };
    const known = this.#memory.get(key);
    if (known !== undefined) known.previous = kept;
    else if (this.#memory.size < MAX_REMEMBERED) this.#memory.set(key, { first: kept, previous: kept });
    return response;
  }

  #recalled(key: string, which: Orders['recall']): Response | undefined {
    const kept = which === undefined ? undefined : this.#memory.get(key)?.[which];
    if (kept === undefined) return undefined;
    return new Response(bodyFor(kept.status, kept.body), { status: kept.status, headers: pairs(kept.headers) });
  }

  protected override async stop(): Promise<void> {
    this.#memory.clear();
  }
}

function needsMemory({ entries }: Plan): boolean {
  return entries.some(({ fault }) => definitionOf(fault).does.includes('recall'));
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
