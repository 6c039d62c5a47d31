import { HarnessError, nearest, show } from '../errors.ts';
import type { Channel, ChannelOptions } from '../probes/channel.ts';
import { minding, noResponse, prepare, readAnswer, type Fetch, type HeaderFields } from '../probes/exchange.ts';
import { checkedHeaders, checkedUrl } from '../probes/httpStatus.ts';
import { Outlet } from '../probes/outlet.ts';
import { checkedSecrets, schemeOf, type Letter, type Scheme, type SignatureScheme } from '../probes/signatures.ts';
import {
  freshSeed,
  parseDuration,
  seeded,
  type Clock,
  type Duration,
  type EpochMillis,
  type Millis,
  type Random,
} from '../time/index.ts';
import { readRetryAfter, type Event } from '../trace/index.ts';
import { redactHeaders } from '../trace/redact.ts';

/** How long one attempt may take, unless told otherwise, in milliseconds. */
const ATTEMPT_TIMEOUT_MS: Millis = 15_000;
/** How old the moment of a stale delivery is, in milliseconds: past what the schemes tolerate. */
const STALE_MS: Millis = 600_000;
/** How many ids are remembered, to be sent again as they were. */
const MAX_REMEMBERED = 1_000;

/** What is told by webhook. */
export interface WebhookEvent {
  /** The same at each attempt; drawn by the seed where it is left out. */
  readonly id?: string | undefined;
  /** Such as `payment.captured`. */
  readonly type: string;
  readonly data?: unknown;
  /** How long ago it happened, as its own timestamp tells. */
  readonly age?: Duration | undefined;
  /** The whole body, where it is not what the scheme's own documents show. */
  readonly body?: unknown;
}

/**
 * How a delivery is: `genuine`; `again`, byte for byte as the same id was sent before; `forged`, signed with another secret;
 * `altered`, changed after it was signed; `unsigned`; `stale`, signed ten minutes ago.
 */
export type Manner = 'genuine' | 'again' | 'forged' | 'altered' | 'unsigned' | 'stale';
const MANNERS: readonly Manner[] = ['genuine', 'again', 'forged', 'altered', 'unsigned', 'stale'];

/** One step of a plan. */
export interface PlannedDelivery {
  readonly event: WebhookEvent;
  readonly as?: Manner | undefined;
  /** When, from the beginning of the plan; by default when the step before has been answered. */
  readonly after?: Duration | undefined;
  /** How often; once by default. */
  readonly times?: number | undefined;
}

/** What became of a delivery. */
export interface Sent {
  readonly id: string;
  readonly type: string;
  readonly as: Manner;
  /** The status of each attempt; undefined where no answer came. */
  readonly answers: readonly (number | undefined)[];
  /** Whether the last one was 2xx. */
  readonly accepted: boolean;
}

export interface WebhookSenderOptions extends Pick<ChannelOptions, 'name'> {
  /** The receiver under test. */
  readonly to: string;
  /** What deliveries are signed with; several while one is being replaced, and each signs. Without it none is signed. */
  readonly secret?: string | readonly string[] | undefined;
  /** How they are signed: Standard Webhooks by default. */
  readonly scheme?: SignatureScheme | undefined;
  /** How long to wait before each further attempt at what is genuine, until one is accepted; none by default. Retry-After may ask for longer, 410 ends it. */
  readonly retries?: readonly Duration[] | undefined;
  /** How long one attempt may take; 15 s by default. */
  readonly timeout?: Duration | undefined;
  /** Further header fields of each delivery. */
  readonly headers?: HeaderFields | undefined;
  /** Draws ids and the order of what is shuffled; a fresh one, told in the trace's header, by default. */
  readonly seed?: string | undefined;
  readonly clock?: Clock | undefined;
  /** The global `fetch` by default. */
  readonly fetch?: Fetch | undefined;
}

/** Sends webhooks as a provider would, and as it should not; what it sends and is answered is in its trace. */
export interface WebhookSender extends Channel {
  /**
   * Sends one event, and again as the `retries` say until it is accepted.
   *
   * @throws HarnessError `invalid-event`; `invalid-manner`, also for one that would change nothing; `nothing-sent` for one that is to be
   * sent again and never was; `closed`
   */
  send(event: WebhookEvent, how?: { readonly as?: Manner | undefined }): Promise<Sent>;
  /**
   * Sends by plan: what has a moment at that moment, the rest one after the other. What is left of it is not sent when the sender
   * is closed, and after a step that cannot be taken.
   *
   * @param options.order of those that have no moment: as given (the default), `reversed`, or `shuffled` by the seed
   * @returns what became of each, in the order given; a step with `times` has that many
   */
  plan(
    steps: readonly PlannedDelivery[],
    options?: { readonly order?: 'given' | 'reversed' | 'shuffled' | undefined },
  ): Promise<readonly Sent[]>;
}

/**
 * Sends webhooks to a system that receives them: signed, again, forged, altered, unsigned, stale, late, in another order, on a
 * schedule, and until they are accepted.
 *
 * @throws HarnessError `invalid-url`, `invalid-secret`, `invalid-scheme`, `invalid-headers`, `invalid-duration`
 *
 * @example
 * ```ts
 * import { webhookSender } from 'holdfast/inject';
 * import { webhook } from 'holdfast/probes';
 * const secret = 'whsec_aG9sZGZhc3QtaG9sZGZhc3QtaG9sZGZhc3Q=';
 * const receiver = await webhook({ secret });
 * const sender = webhookSender({ to: receiver.url, secret });
 * const paid = { type: 'payment.captured', data: { payment: 'p1' } };
 * const sent = [await sender.send(paid), await sender.send(paid, { as: 'forged' }), await sender.send(paid, { as: 'stale' })];
 * sent.map(({ as, answers }) => [as, ...answers]); // => [['genuine', 204], ['forged', 401], ['stale', 400]]
 * await sender.close();
 * await receiver.close();
 * ```
 */
export function webhookSender(options: WebhookSenderOptions): WebhookSender {
  return new Sender(options, options.seed ?? freshSeed());
}

/** A delivery as it goes out. */
interface Outgoing {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

class Sender extends Outlet implements WebhookSender {
  readonly #to: string;
  readonly #schemeName: SignatureScheme;
  readonly #scheme: Scheme;
  readonly #secrets: readonly string[];
  readonly #retries: readonly Millis[];
  readonly #timeout: Millis;
  readonly #headers: Headers;
  readonly #random: Random;
  readonly #fetch: Fetch;
  readonly #leaving = new AbortController();
  /** What was sent last of each id; bounded, the oldest give way. */
  readonly #sent = new Map<string, Outgoing>();
  readonly #going = new Set<Promise<unknown>>();
  #events = 0;
  #deliveries = 0;

  constructor(options: WebhookSenderOptions, seed: string) {
    super({ name: options.name, clock: options.clock, seed, state: false }, 'sender');
    const { scheme = 'standard' } = options;
    this.#to = checkedUrl(options.to, 'to').href;
    this.#schemeName = scheme;
    this.#scheme = schemeOf(scheme);
    this.#secrets = checkedSecrets(options.secret, scheme, 'sign');
    this.#retries = (options.retries ?? []).map((wait, index) => parseDuration(wait, `retries[${index}]`));
    this.#timeout = parseDuration(options.timeout ?? ATTEMPT_TIMEOUT_MS, 'timeout');
    this.#headers = checkedHeaders(options.headers, 'headers');
    this.#random = seeded(seed);
    this.#fetch = minding(options.fetch ?? ((url, init) => globalThis.fetch(url, init)));
  }

  send(event: WebhookEvent, how: { readonly as?: Manner | undefined } = {}): Promise<Sent> {
    const as = this.#manner(how.as ?? 'genuine');
    checkEvent(event);
    if (this.#leaving.signal.aborted)
      throw new HarnessError(
        'closed',
        `send: ${this.name} was closed, and sends no more`,
        'close it when all is sent, or make another one',
      );
    return this.#kept(this.#send(event, as));
  }

  /** Waited for when this is closed. */
  #kept<T>(going: Promise<T>): Promise<T> {
    this.#going.add(going);
    const over = (): void => void this.#going.delete(going);
    going.then(over, over);
    return going;
  }

  async plan(
    steps: readonly PlannedDelivery[],
    { order = 'given' }: { readonly order?: 'given' | 'reversed' | 'shuffled' | undefined } = {},
  ): Promise<readonly Sent[]> {
    if (order !== 'given' && order !== 'reversed' && order !== 'shuffled')
      throw new HarnessError(
        'invalid-option',
        `order: expected given, reversed or shuffled, received ${show(order)}`,
        "'given' is the default",
      );
    const all = steps.flatMap((step, index) => {
      const { event, as = 'genuine', after, times = 1 } = step;
      checkEvent(event);
      this.#manner(as);
      if (!Number.isSafeInteger(times) || times < 1)
        throw new HarnessError(
          'invalid-option',
          `times: expected a whole number from 1, received ${show(times)}`,
          'leave it out for once',
        );
      // What goes more than once is one event, so it has one id.
      const named = { ...event, id: event.id ?? this.#newId() };
      const at = after === undefined ? undefined : parseDuration(after, `after of step ${index}`);
      return Array.from({ length: times }, () => ({ event: named, as, at }));
    });
    const outcomes: Promise<Sent>[] = [];
    // Ends what is left of the plan: with the sender, or with a step that cannot be taken.
    const over = new AbortController();
    const end = (): void => over.abort();
    if (this.#leaving.signal.aborted) end();
    this.#leaving.signal.addEventListener('abort', end, { once: true });
    const take = async ({
      event,
      as,
    }: {
      readonly event: WebhookEvent & { readonly id: string };
      readonly as: Manner;
    }): Promise<Sent> => {
      if (over.signal.aborted) return { id: event.id, type: event.type, as, answers: [], accepted: false };
      try {
        return await this.#send(event, as);
      } catch (error) {
        end();
        throw error;
      }
    };
    const row = all.map((one, index) => ({ ...one, index })).filter(({ at }) => at === undefined);
    let before: Promise<unknown> = Promise.resolve();
    for (const { index, ...step } of this.#inOrder(row, order)) {
      const mine = before.then(() => take(step));
      outcomes[index] = mine;
      before = mine.catch(() => undefined);
    }
    for (const [index, step] of all.entries())
      if (step.at !== undefined) outcomes[index] = this.clock.sleep(step.at, over.signal).then(() => take(step));
    void this.#kept(Promise.allSettled(outcomes)).then(() => this.#leaving.signal.removeEventListener('abort', end));
    return Promise.all(outcomes);
  }

  protected async stop(): Promise<void> {
    this.#leaving.abort();
    await Promise.allSettled(this.#going);
  }

  /** A manner that would change nothing is no test of a receiver. */
  #manner(as: Manner): Manner {
    checkManner(as);
    const why =
      as === 'stale' && this.#schemeName === 'github'
        ? "what the scheme 'github' signs has no moment"
        : this.#secrets.length === 0 && (as === 'stale' || as === 'unsigned' || as === 'altered')
          ? 'nothing is signed without a secret'
          : undefined;
    if (why === undefined) return as;
    throw new HarnessError(
      'invalid-manner',
      `as: '${as}' would send what is genuine, as ${why}`,
      this.#secrets.length === 0
        ? 'give the secret that the receiver checks: webhookSender({ to, secret })'
        : "use another scheme, or 'forged'",
    );
  }

  #inOrder<T>(row: readonly T[], order: 'given' | 'reversed' | 'shuffled'): readonly T[] {
    if (order === 'given') return row;
    if (order === 'reversed') return row.toReversed();
    return this.#random.fork('order').shuffle(row);
  }

  #newId(): string {
    return `msg_${this.#random.fork(`id/${this.#events++}`).hex(12)}`;
  }

  async #send(event: WebhookEvent, as: Manner): Promise<Sent> {
    const id = event.id ?? this.#newId();
    const { type } = event;
    const call = `${this.name}/${this.#deliveries++}`;
    const record = (one: Event): void => this.record(one, [id]);
    const again = as === 'again' ? this.#sent.get(id) : undefined;
    if (as === 'again' && again === undefined)
      throw new HarnessError(
        'nothing-sent',
        `send: nothing with the id ${show(id)} was sent, to be sent again`,
        'send it first: send({ id, … })',
      );
    // What happened, happened once: it has one moment at each attempt.
    const occurred = this.clock.wall() - (event.age === undefined ? 0 : parseDuration(event.age, 'age'));
    const body = again?.body ?? this.#bodyOf(event, id, occurred);
    record({ kind: 'call', call, name: 'deliver', input: { id, type, as } });
    const answers: (number | undefined)[] = [];
    for (let attempt = 0; ; attempt++) {
      const outgoing = again ?? this.#sealed({ id, type, body }, as);
      if (as === 'genuine') this.#remember(id, outgoing);
      const { status, asked } = await this.#attempt(outgoing, `${call}.${attempt}`, record);
      answers.push(status);
      const accepted = status !== undefined && status >= 200 && status <= 299;
      // What is to be refused is sent once, and what is sent again is sent again once.
      const over = accepted || status === 410 || as !== 'genuine';
      const wait = over ? undefined : this.#retries[attempt];
      if (wait !== undefined) await this.clock.sleep(Math.max(wait, asked), this.#leaving.signal);
      if (wait === undefined || this.#leaving.signal.aborted) {
        const outcome = status === undefined ? 'unknown' : accepted ? 'ok' : 'fail';
        record({ kind: 'return', call, outcome, output: { id, type, as, answers: answers.map((one) => one ?? null) } });
        return { id, type, as, answers, accepted };
      }
    }
  }

  #remember(id: string, outgoing: Outgoing): void {
    this.#sent.set(id, outgoing);
    if (this.#sent.size > MAX_REMEMBERED) this.#sent.delete(this.#sent.keys().next().value!);
  }

  /** The body, as the documents of each scheme show it. */
  #bodyOf({ type, data, body }: WebhookEvent, id: string, occurred: EpochMillis): string {
    if (typeof body === 'string') return body;
    if (body !== undefined) return JSON.stringify(body);
    switch (this.#schemeName) {
      case 'github':
        return JSON.stringify(data ?? {});
      case 'stripe':
        return JSON.stringify({ id, object: 'event', type, created: Math.floor(occurred / 1000), data: { object: data ?? {} } });
      default:
        return JSON.stringify({ type, timestamp: new Date(occurred).toISOString(), data: data ?? {} });
    }
  }

  #sealed({ id, type, body }: Pick<Letter, 'id' | 'type'> & { readonly body: string }, as: Manner): Outgoing {
    const now = this.clock.wall() - (as === 'stale' ? STALE_MS : 0);
    const letter: Letter = { id, type, timestamp: Math.floor(now / 1000), body: Buffer.from(body) };
    // With nothing to sign with, a stranger would still sign.
    const secrets = as === 'unsigned' ? [] : as === 'forged' ? [this.#otherSecret()] : this.#secrets;
    return { headers: this.#scheme.sign(letter, secrets), body: as === 'altered' ? `${body} ` : body };
  }

  /** A stranger's secret: of the right form, and not the right one. */
  #otherSecret(): string {
    const hex = this.#random.fork('forged').hex(64);
    return this.#schemeName === 'standard' ? `whsec_${Buffer.from(hex, 'hex').toString('base64')}` : hex;
  }

  async #attempt(
    { headers, body }: Outgoing,
    exchange: string,
    record: (event: Event) => void,
  ): Promise<{ readonly status: number | undefined; readonly asked: Millis }> {
    const fields = new Headers(this.#headers);
    if (!fields.has('content-type')) fields.set('content-type', 'application/json');
    for (const [name, value] of Object.entries(headers)) fields.set(name, value);
    const limit = new AbortController();
    const stop = (): void => limit.abort();
    const cancel = this.clock.after(this.#timeout, stop);
    this.#leaving.signal.addEventListener('abort', stop, { once: true });
    if (this.#leaving.signal.aborted) stop();
    const request = prepare('POST', this.#to, fields, body);
    record({ kind: 'request', exchange, ...request.told });
    try {
      // 3xx is no success, and is not followed (Standard Webhooks 1.0.0, delivery success).
      const init = { method: 'POST', headers: { ...request.headers }, body, redirect: 'manual', signal: limit.signal } as const;
      const answer = await this.#fetch(this.#to, init);
      await recordAnswer(answer, this.#to, exchange, record, limit.signal);
      const field = answer.headers.get('retry-after');
      const wish = field === null ? undefined : readRetryAfter(field, this.clock.wall());
      return { status: answer.status, asked: wish?.ok === true ? wish.delay : 0 };
    } catch (error) {
      record(noResponse(exchange, error));
      return { status: undefined, asked: 0 };
    } finally {
      cancel();
      this.#leaving.signal.removeEventListener('abort', stop);
    }
  }
}

/** The status is the answer; a body may say why it is a refusal, and is otherwise not waited for. */
async function recordAnswer(
  response: Response,
  url: string,
  exchange: string,
  record: (event: Event) => void,
  signal: AbortSignal,
): Promise<void> {
  let isTold = false;
  if (response.ok) void response.body?.cancel().catch(() => undefined);
  else
    await readAnswer(
      response,
      'POST',
      url,
      exchange,
      (event) => {
        isTold = true;
        record(event);
      },
      signal,
    ).catch(() => undefined);
  if (!isTold) record({ kind: 'response', exchange, status: response.status, headers: redactHeaders(response.headers) });
}

function checkEvent(event: WebhookEvent): WebhookEvent {
  const given: unknown = event;
  const { type, id } = (typeof given === 'object' && given !== null ? given : {}) as { type?: unknown; id?: unknown };
  if (typeof type !== 'string' || type === '')
    throw new HarnessError(
      'invalid-event',
      `send: expected an event with a type, received ${show(given)}`,
      "write send({ type: 'payment.captured', data })",
    );
  if (id !== undefined && (typeof id !== 'string' || !/^[!-~]{1,255}$/.test(id)))
    throw new HarnessError(
      'invalid-event',
      `id: expected 1 to 255 visible characters, received ${show(id)}`,
      'leave it out to have one drawn',
    );
  return event;
}

function checkManner(as: Manner): Manner {
  if (MANNERS.includes(as)) return as;
  const near = typeof as === 'string' ? nearest(as, MANNERS) : undefined;
  throw new HarnessError(
    'invalid-manner',
    `as: expected one of ${MANNERS.join(', ')}; received ${show(as)}`,
    near === undefined ? "leave it out for 'genuine'" : `did you mean '${near}'?`,
  );
}
