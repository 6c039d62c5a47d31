import type { Agent, ClientRequest, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HarnessError, show } from '../errors.ts';
import type { Passing } from '../faults/index.ts';
import { checkedUrl } from '../probes/httpStatus.ts';
import { authority, listen, LOOPBACK } from '../probes/listen.ts';
import { systemClock, type Millis } from '../time/index.ts';
import { forgedAll, nothingToForge } from './forgery.ts';
import { pairsOf, typeOf } from './letter.ts';
import { Injection, type Injected, type InjectorOptions } from './injection.ts';
import { ordersOf, type Orders } from './orders.ts';

// Loaded when one is made: who only imports this pays nothing for it.
const http = (): typeof import('node:http') => process.getBuiltinModule('node:http');
const https = (): typeof import('node:https') => process.getBuiltinModule('node:https');

/** The most bytes of one delivery, and of what it is answered. */
const MAX_BYTES = 8_388_608;
/** How long the receiver may take, at the end, for what it has not answered yet, in milliseconds of the machine. */
const CLOSING_MS: Millis = 5_000;
/** The most connections at a time; more are closed at once. */
const MAX_CONNECTIONS = 1_000;
/** All that is on its way is one row: whatever comes next overtakes what is kept back. */
const ROW = '';

export interface DeliveryOptions extends InjectorOptions {
  /** The real receiver; what comes to a path below ours goes to the same path below it. */
  readonly to: string;
  /**
   * When the sender is answered: with the receiver's own answer (`receiver`, the default), or by 202 as soon as the delivery has come
   * (`at-once`), so that a sender which waits for each answer goes on while a delivery is kept back.
   */
  readonly answer?: 'receiver' | 'at-once' | undefined;
  /** A free one by default. */
  readonly port?: number | undefined;
  /** Loopback by default. */
  readonly host?: string | undefined;
}

/** Stands between a sender of webhooks and their receiver. */
export interface Delivering extends Injected {
  /** Where to send to, in the receiver's stead; without a slash at the end. */
  readonly url: string;
  readonly port: number;
}

/**
 * Stands between a sender of webhooks, or a broker that pushes by HTTP, and the receiver: what comes is lost, doubled, overtaken, late,
 * forged or refused as the plan says, and all else goes on byte for byte.
 *
 * A fault's `where` may be the type of an event (`'order.*'`): that of a CloudEvent (`ce-type`, or the `type` of one in structured
 * mode), GitHub's `X-GitHub-Event`, or the `type` in the body, as Standard Webhooks and Stripe have it. Where the receiver cannot be
 * reached the sender's connection is reset, and the trace has an error.
 *
 * @throws HarnessError `cannot-inject`, `invalid-url`, `invalid-option`, `port-in-use`, `cannot-listen`, `invalid-port`
 *
 * @example
 * ```ts
 * import { duplicateDelivery, plan } from 'holdfast/faults';
 * import { delivery, webhookSender } from 'holdfast/inject';
 * import { webhook } from 'holdfast/probes';
 * const receiver = await webhook({ replays: 'take' });
 * const between = await delivery({ to: receiver.url, plan: plan({ seed: 1 }, duplicateDelivery({ where: 'order.*', nth: 0 })) });
 * const sender = webhookSender({ to: between.url });
 * await sender.send({ type: 'order.paid' });
 * await between.close(); // all that was sent has come
 * receiver.deliveries.map(({ type, attempt }) => [type, attempt]); // => [['order.paid', 1], ['order.paid', 2]]
 * await sender.close();
 * await receiver.close();
 * ```
 */
export async function delivery(options: DeliveryOptions): Promise<Delivering> {
  const between = new Between(options);
  await between.listen();
  return between;
}

/** A delivery as it came, or as it is to go on. */
interface Letter {
  readonly method: string;
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[];
  readonly body: Uint8Array;
  readonly to: URL;
}

interface Reply {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: Uint8Array;
}

class Between extends Injection implements Delivering {
  readonly #to: URL;
  readonly #atOnce: boolean;
  readonly #server: Server;
  readonly #host: string;
  #port: number;
  readonly #agent: Agent;
  /** What is on its way to the receiver. */
  readonly #going = new Set<Promise<unknown>>();
  /** What the receiver has not answered yet. */
  readonly #asking = new Set<ClientRequest>();
  /** Those whom nobody answers. */
  readonly #silent = new Set<Socket>();
  #stopped: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    const { to, answer = 'receiver', port = 0, host = LOOPBACK } = options;
    const url = checkedUrl(to, 'to');
    if (answer !== 'receiver' && answer !== 'at-once')
      throw new HarnessError(
        'invalid-option',
        `answer: expected 'receiver' or 'at-once', received ${show(answer)}`,
        "'receiver' is the default",
      );
    super('delivery', options);
    this.#to = url;
    this.#atOnce = answer === 'at-once';
    this.#host = host;
    this.#port = port;
    // Each delivery by a connection of its own: one that the receiver has just closed would lose it.
    this.#agent =
      url.protocol === 'https:' ? new (https().Agent)({ keepAlive: false }) : new (http().Agent)({ keepAlive: false });
    this.#server = http().createServer((incoming, outgoing) => {
      const taking = this.#take(incoming, outgoing);
      this.#going.add(taking);
      void taking.finally(() => this.#going.delete(taking));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  async listen(): Promise<void> {
    try {
      this.#port = await listen(this.#server, this.#port, this.#host, 'delivery');
    } catch (error) {
      this.heal();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://${authority(this.#host, this.#port)}`;
  }

  override heal(): void {
    super.heal();
    for (const socket of this.#silent) socket.resetAndDestroy();
    this.#silent.clear();
  }

  protected override stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    // What has come goes on before this ends: the sender was told so. A receiver that never answers does not keep it open.
    const ended = new AbortController();
    void systemClock.sleep(CLOSING_MS, ended.signal).then(() => {
      for (const request of this.#asking) request.destroy(new Error(`it did not answer within ${CLOSING_MS} ms of the end`));
    });
    while (this.#going.size > 0) await Promise.allSettled(this.#going);
    ended.abort();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    outgoing.on('error', () => undefined);
    const body = await read(incoming);
    if (body === 'gone') return;
    if (body === 'large') {
      outgoing.writeHead(413, { connection: 'close' }).end();
      return;
    }
    const letter: Letter = {
      method: incoming.method ?? 'POST',
      fields: incoming.rawHeaders,
      body,
      to: this.#below(incoming.url),
    };
    const passing: Passing = {
      method: letter.method,
      path: letter.to.pathname + letter.to.search,
      host: letter.to.host,
      peer: this.name,
      type: typeOf(letter),
    };
    const struck = this.strike(passing);
    try {
      await this.#deliver(letter, outgoing, ordersOf(struck.harms));
    } finally {
      struck.done();
    }
  }

  #below(path = '/'): URL {
    const base = this.#to.pathname.replace(/\/$/, '');
    const url = new URL(this.#to);
    const [pathname = '/', search] = path.split('?', 2);
    url.pathname = pathname === '/' ? this.#to.pathname : base + pathname;
    if (search !== undefined) url.search = search;
    return url;
  }

  async #deliver(letter: Letter, outgoing: ServerResponse, orders: Orders): Promise<void> {
    const { delay, hold, lost, respond, hangUp, answerDelay, answerLost } = orders;
    if (hangUp !== undefined) this.#leaves(outgoing, hangUp);
    if (lost !== undefined) return this.#lost(outgoing, lost);
    const early = this.#atOnce && respond === undefined && answerLost === undefined;
    if (early) outgoing.writeHead(202, { 'content-length': '0' }).end();
    if (delay > 0) await this.clock.sleep(delay, this.healed);
    if (hold !== undefined) await this.overtaking.held(ROW, hold, this.healed);
    if (respond !== undefined) {
      // One that is lost still overtakes: it is not waited for.
      this.overtaking.passed(ROW);
      await this.#wait(answerDelay);
      outgoing.writeHead(respond.status, respond.headers.flat());
      outgoing.end(respond.body);
      return;
    }
    const changed = this.#forge(letter, orders);
    const reply = await this.#sent(changed, orders);
    await this.#wait(answerDelay);
    if (answerLost !== undefined) return this.#lost(outgoing, answerLost);
    if (early) return;
    if (reply === undefined) return this.#reset(outgoing);
    if (outgoing.destroyed) return;
    outgoing.writeHead(reply.status, reply.fields as string[]);
    outgoing.end(reply.body);
  }

  #forge(letter: Letter, { forge }: Orders): Letter {
    const changed = forgedAll(letter, forge, this.run.plan.seed, (what) =>
      this.trace.record(this.name, nothingToForge(this.name, what)),
    );
    return { ...letter, ...changed };
  }

  /** Sends it on, and again as ordered: the sender gets the first answer. */
  async #sent(letter: Letter, { repeat }: Orders): Promise<Reply | undefined> {
    const first = this.#forward(letter);
    const copies: Promise<unknown>[] = [];
    for (const { times, gap } of repeat)
      for (let n = 1; n <= times; n++)
        copies.push(
          this.clock.sleep(n * gap, this.healed).then(() => (gap > 0 && this.healed.aborted ? undefined : this.#forward(letter))),
        );
    for (const copy of copies) {
      this.#going.add(copy);
      void copy.finally(() => this.#going.delete(copy));
    }
    const reply = await first;
    // Only what the receiver has dealt with has overtaken what is kept back.
    this.overtaking.passed(ROW);
    return reply;
  }

  async #forward({ method, fields, body, to }: Letter): Promise<Reply | undefined> {
    try {
      return await new Promise<Reply>((resolve, reject) => {
        const headers = [...endToEnd(fields), 'Host', to.host, 'Content-Length', String(body.byteLength), 'Connection', 'close'];
        const send = to.protocol === 'https:' ? https().request : http().request;
        const request = send(to, { method, headers, agent: this.#agent });
        this.#asking.add(request);
        request.on('close', () => this.#asking.delete(request));
        request.on('error', reject);
        request.on('response', (response) => {
          response.on('error', reject);
          void read(response).then((answer) => {
            if (typeof answer === 'string')
              reject(new Error(answer === 'large' ? 'its answer is too large' : 'its answer broke off'));
            else resolve({ status: response.statusCode ?? 502, fields: endToEnd(response.rawHeaders), body: answer });
          });
        });
        request.end(body);
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const text = `${this.name}: the receiver at ${to.host} did not answer: ${code ?? message}`;
      this.trace.record(this.name, { kind: 'error', name: 'NotDelivered', message: text });
      return undefined;
    }
  }

  async #wait(ms: Millis): Promise<void> {
    if (ms > 0) await this.clock.sleep(ms, this.healed);
  }

  /** The sender's patience ends; what it sent goes on. */
  #leaves(outgoing: ServerResponse, after: Millis): void {
    // At once is before any answer, however fast that comes.
    if (after === 0) return this.#reset(outgoing);
    const answered = new AbortController();
    const signal = AbortSignal.any([answered.signal, this.healed]);
    outgoing.once('close', () => answered.abort());
    void this.clock.sleep(after, signal).then(() => {
      if (!signal.aborted) this.#reset(outgoing);
    });
  }

  /** Nothing comes, or a reset; once all is healed the sender is let go, so that it can try again. */
  async #lost(outgoing: ServerResponse, { by, after }: NonNullable<Orders['lost']>): Promise<void> {
    if (by === 'reset' || this.healed.aborted) {
      await this.#wait(after);
      return this.#reset(outgoing);
    }
    const { socket } = outgoing;
    if (socket === null) return;
    this.#silent.add(socket);
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await gone;
    this.#silent.delete(socket);
  }

  #reset({ socket, writableFinished }: ServerResponse): void {
    if (!writableFinished) socket?.resetAndDestroy();
  }
}

/** What is said of one connection alone is not passed on (RFC 9110 §7.6.1), nor what is written anew. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function endToEnd(fields: readonly string[]): string[] {
  const named = pairsOf(fields).flatMap(([name, value]) =>
    name.toLowerCase() === 'connection' ? value.split(',').map((one) => one.trim().toLowerCase()) : [],
  );
  return pairsOf(fields)
    .filter(([name]) => !OWN_FIELDS.has(name.toLowerCase()) && !named.includes(name.toLowerCase()))
    .flat();
}

function read(incoming: IncomingMessage): Promise<Uint8Array | 'large' | 'gone'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on('data', (chunk: Buffer) => {
      size += chunk.byteLength;
      if (size <= MAX_BYTES) chunks.push(chunk);
      else resolve('large');
    });
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', () => resolve('gone'));
    incoming.on('close', () => resolve('gone'));
  });
}
