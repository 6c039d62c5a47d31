import { HarnessError, show } from '../errors.ts';
import { formatDuration, type Millis } from '../time/duration.ts';
import type { Clock } from '../time/index.ts';
import { plain } from '../trace/plain.ts';
import { redactHeaders, redactUrl } from '../trace/redact.ts';
import type { Headers } from '../trace/index.ts';
import type { OpenContext, Push } from '../watch/index.ts';
import { tell, type ChannelOptions, type Message } from './channel.ts';
import { decode, kept, MAX_READ_BYTES, withoutSecrets } from './exchange.ts';

/** How long a broker may take until it is listened to, in milliseconds. */
export const CONNECT_MS: Millis = 5_000;
/** How long to wait before a broker that was lost is asked again, in milliseconds. */
const AGAIN_MS: Millis = 250;
/** For how long a broker that was lost is asked again, in milliseconds; after that the source has ended. */
const LOST_FOR_MS: Millis = 30_000;
/** How often a broker is asked whether it is still there, where its client does not ask by itself, and how long it may take to answer. */
const PING_MS: Millis = 5_000;
/** How long a broker may take to say good-bye, in milliseconds. */
const CLOSE_MS: Millis = 2_000;
/** How much of what a broker's error says is told, in characters. */
const MAX_WHY_CHARACTERS = 500;
/** How many header fields of one message are kept, and how much of each, in characters. */
const MAX_FIELDS = 100;
const MAX_FIELD_CHARACTERS = 8_192;
/** A shorter text holds nothing that a trace would not keep whole. */
const SURELY_WHOLE_CHARACTERS = 2_000;

/** One connection to a broker, as its probe sees it. */
export interface Line {
  /** Aborts when the connection ends, also one that is still being made. */
  readonly signal: AbortSignal;
  heard(message: Message): void;
  /** The connection broke; what is told after that is of the next one. */
  lost(error: unknown): void;
  /**
   * How to end it, said as soon as there is something to end. Called once, however the connection ends; the last that is
   * said first. `cut` ends it where the broker does not answer that it is closed.
   */
  hangUp(close: () => unknown, cut?: () => unknown): void;
  /** How to ask whether the broker is still there: one that is cut off says nothing, and neither does one without news. */
  ping(ask: () => Promise<unknown>): void;
}

/** What is particular to one kind of broker. */
export interface Wire {
  /** What the probe is called, such as `amqp`. */
  readonly kind: string;
  /** Where the broker is, as it may be shown. */
  readonly address: string;
  /** How to start one: the end of a sentence. */
  readonly start: string;
  /** What becomes of what is sent while nobody listens. */
  readonly meanwhile: string;
  /** Resolves when it listens: what is sent from then on is heard. */
  connect(line: Line): Promise<void>;
}

/**
 * A push source on a broker: connects when it is opened, and again when the connection is lost, which it tells.
 *
 * @param begin called for each who opens it: what it remembers from one connection to the next is theirs
 */
export function broker(name: string, options: ChannelOptions, begin: () => Wire): Push {
  return {
    name,
    async open(context) {
      const listening = new Listening(name, begin(), options, context);
      await listening.begin(context.signal);
      return { done: listening.done, [Symbol.asyncDispose]: () => listening.stop() };
    },
  };
}

/** One who listens, over as many connections as it takes. */
class Listening {
  readonly done: Promise<void>;
  readonly #name: string;
  readonly #wire: Wire;
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  readonly #record: OpenContext['record'];
  readonly #leaving = new AbortController();
  #end!: () => void;
  #fail!: (error: unknown) => void;
  #connection: Connection | undefined;
  #again: Promise<void> | undefined;

  constructor(name: string, wire: Wire, options: ChannelOptions, context: OpenContext) {
    this.#name = name;
    this.#wire = wire;
    this.#options = options;
    this.#clock = context.clock;
    this.#record = (event, keys) => context.record(event, keys);
    this.done = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    // Whoever opened it looks at this; nobody has, when it fails before that.
    this.done.catch(() => undefined);
  }

  /** @throws HarnessError when the broker cannot be listened to */
  async begin(signal: AbortSignal | undefined): Promise<void> {
    const leave = (): void => void this.stop();
    signal?.addEventListener('abort', leave, { once: true });
    if (signal?.aborted === true) leave();
    try {
      (await this.#connect()).release();
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  async #connect(): Promise<Connection> {
    const connection = new Connection(this.#clock, {
      heard: (message) => this.#heard(message),
      lost: (error) => this.#lost(error),
    });
    this.#connection = connection;
    try {
      await connection.open(this.#wire);
      return connection;
    } catch (error) {
      await connection.close();
      throw error instanceof HarnessError ? error : unavailable(this.#wire, error);
    }
  }

  async stop(): Promise<void> {
    this.#leaving.abort();
    await this.#connection?.close();
    await this.#again;
    this.#end();
  }

  #heard(message: Message): void {
    try {
      tell(this.#record, message, this.#options);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      const told = `${this.#name}: what it was told could not be read: ${why}`;
      this.#record({ kind: 'error', name: 'InvalidChannel', message: told });
    }
  }

  #lost(error: unknown): void {
    if (this.#leaving.signal.aborted) return;
    const { address, meanwhile } = this.#wire;
    const message = `${this.#name}: the connection to ${address} was lost: ${whyOf(error)}; ${meanwhile}`;
    this.#record({ kind: 'error', name: 'ConnectionLost', message });
    this.#again = this.#comeBack();
  }

  async #comeBack(): Promise<void> {
    const { signal } = this.#leaving;
    const since = this.#clock.now();
    await this.#connection?.close();
    for (;;) {
      await this.#clock.sleep(AGAIN_MS, signal);
      if (signal.aborted) return;
      let connection: Connection;
      try {
        connection = await this.#connect();
      } catch (error) {
        if (signal.aborted) return;
        if (this.#clock.now() - since < LOST_FOR_MS) continue;
        this.#fail(error);
        return;
      }
      if (signal.aborted) return;
      const after = formatDuration(this.#clock.now() - since);
      this.#record({ kind: 'note', text: `${this.#name} listens again, after ${after}` });
      connection.release();
      return;
    }
  }
}

/** One connection, from its beginning to its end. */
class Connection implements Line {
  readonly #clock: Clock;
  readonly #owner: Pick<Line, 'heard' | 'lost'>;
  readonly #ending = new AbortController();
  readonly signal: AbortSignal = this.#ending.signal;
  #closers: (() => unknown)[] = [];
  #cutters: (() => unknown)[] = [];
  #closed: Promise<void> | undefined;
  #isOpen = false;
  /** What was heard before it was told that it listens. */
  #early: Message[] | undefined = [];
  /** Ends the opening before it is open. */
  #giveUp: (error: unknown) => void = () => undefined;

  constructor(clock: Clock, owner: Pick<Line, 'heard' | 'lost'>) {
    this.#clock = clock;
    this.#owner = owner;
  }

  open(wire: Wire): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = new Error(`it did not answer in ${formatDuration(CONNECT_MS)}`);
      const cancel = this.#clock.after(CONNECT_MS, () => this.#giveUp(late));
      this.#giveUp = (error) => {
        cancel();
        reject(error instanceof Error ? error : new Error(whyOf(error)));
      };
      wire.connect(this).then(
        () => {
          cancel();
          this.#isOpen = true;
          resolve();
        },
        (error: unknown) => this.#giveUp(error),
      );
    });
  }

  heard(message: Message): void {
    if (this.#ending.signal.aborted) return;
    if (this.#early === undefined) this.#owner.heard(message);
    else this.#early.push(message);
  }

  /** From now on what it hears is told. */
  release(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.heard(message);
  }

  lost(error: unknown): void {
    if (this.#ending.signal.aborted) return;
    if (!this.#isOpen) return this.#giveUp(error);
    void this.close();
    this.#owner.lost(error);
  }

  hangUp(close: () => unknown, cut?: () => unknown): void {
    // One that was given up while it was opened: nobody waits for it.
    if (this.#ending.signal.aborted) return void quietly(cut ?? close);
    this.#closers = [close, ...this.#closers];
    if (cut !== undefined) this.#cutters = [cut, ...this.#cutters];
  }

  ping(ask: () => Promise<unknown>): void {
    const { signal } = this.#ending;
    const silent = new Error(`it did not answer in ${formatDuration(PING_MS)}`);
    const askOn = async (): Promise<void> => {
      for (;;) {
        await this.#clock.sleep(PING_MS, signal);
        if (signal.aborted) return;
        const answered = new AbortController();
        const asked = ask().finally(() => answered.abort());
        await Promise.race([asked, this.#clock.sleep(PING_MS, AbortSignal.any([signal, answered.signal]))]);
        if (signal.aborted) return;
        if (!answered.signal.aborted) throw silent;
      }
    };
    askOn().catch((error: unknown) => this.lost(error));
  }

  close(): Promise<void> {
    this.#ending.abort();
    this.#giveUp(new Error('it was closed'));
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #closeAll(): Promise<void> {
    const closed = new AbortController();
    const all = async (): Promise<void> => {
      for (const close of this.#closers) await quietly(close);
      closed.abort();
    };
    await Promise.race([all(), this.#clock.sleep(CLOSE_MS, closed.signal)]);
    if (!closed.signal.aborted) for (const cut of this.#cutters) void quietly(cut);
  }
}

/** One that is cut off can only be closed on this side: what its client says about that is no news. */
async function quietly(close: () => unknown): Promise<void> {
  try {
    await close();
  } catch {
    // It is gone.
  }
}

/** Why a broker cannot be listened to, in its own words. */
export function whyOf(error: unknown): string {
  const told = error instanceof Error ? error.message || codeOf(error) : show(error);
  // Of several addresses of one name, each with its own error, the first tells enough.
  const first = error instanceof AggregateError && told === '' ? whyOf(error.errors[0]) : told;
  return withoutSecrets(first).replaceAll(/\s+/g, ' ').slice(0, MAX_WHY_CHARACTERS);
}

function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code;
  return error instanceof AggregateError ? '' : error.name;
}

const LOGIN = /auth|credential|password|access.?refused|not allowed|permission|certificate|WRONGPASS|NOPERM|no pg_hba/i;

/** There is no way to it, whatever it is called: its name may say `auth`. */
const NO_WAY = /\b(E(NOTFOUND|AI_AGAIN|CONN(REFUSED|RESET|ABORTED)|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE))\b/;

/** Whether a broker was reached, and did not let us in. */
function isRefusal(address: string, error: unknown, why: string): boolean {
  const code = error instanceof Error ? codeOf(error) : '';
  if (NO_WAY.test(code) || NO_WAY.test(why)) return false;
  const hosts = address.split(/[\s,/@]+/).map((part) => part.replace(/:\d*$/, ''));
  const named = hosts.filter((host) => host !== '').map((host) => host.replaceAll(/[^\w]/g, String.raw`\$&`));
  return LOGIN.test(why.replaceAll(new RegExp(`(?<![\\w-])(?:${named.join('|')})(?![\\w-])`, 'g'), ''));
}

function unavailable({ kind, address, start }: Wire, error: unknown): HarnessError {
  const why = whyOf(error);
  const where = `${kind}: expected a broker that lets itself be listened to at ${address}, received: ${why}`;
  return isRefusal(address, error, why)
    ? new HarnessError('broker-refused', where, 'give a user who may read there, as in //user:password@host', { cause: error })
    : new HarnessError('broker-unavailable', where, `give the address of one that runs, or start one: ${start}`, {
        cause: error,
      });
}

/** Something that is to be listened to, and is not there, or may not be read. */
export function refused(kind: string, what: string, error: unknown, hint: string): HarnessError {
  return new HarnessError('broker-refused', `${kind}: ${what}: ${whyOf(error)}`, hint, { cause: error });
}

/**
 * Loads the client of a broker.
 *
 * @throws HarnessError `not-installed`
 */
export async function client<T>(kind: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const what = `${kind} listens by ${name}, which is not installed`;
    throw new HarnessError('not-installed', what, `npm install --save-dev ${name}`, { cause: error });
  }
}

/**
 * The address of a broker, read.
 *
 * @throws HarnessError `invalid-url`
 */
export function addressOf(
  kind: string,
  url: string,
  protocols: readonly string[],
): { readonly url: URL; readonly shown: string } {
  const parsed = typeof url === 'string' ? URL.parse(url) : null;
  if (parsed !== null && protocols.includes(parsed.protocol) && parsed.hostname !== '')
    return { url: parsed, shown: redactUrl(parsed.href).replace(/\/$/, '') };
  throw new HarnessError(
    'invalid-url',
    `${kind}: expected an address that begins with ${protocols.map((one) => `${one}//`).join(' or ')}, received ${show(typeof url === 'string' ? redactUrl(url) : url)}`,
    `write it whole, as in '${protocols[0]}//127.0.0.1'`,
  );
}

/**
 * One name or several.
 *
 * @throws HarnessError `invalid-option` where none is given, or one that is no name
 */
export function namesIn(where: string, given: string | readonly string[] | undefined, example: string): readonly string[] {
  const names: readonly unknown[] = typeof given === 'string' ? [given] : Array.isArray(given) ? given : [];
  if (names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')) return names as readonly string[];
  throw new HarnessError(
    'invalid-option',
    `${where}: expected a name or a list of names, received ${show(given)}`,
    `write ${example}`,
  );
}

/** What the broker tells of a message beside its content. */
export interface Told {
  readonly id?: string | undefined;
  readonly type?: string | undefined;
  readonly headers?: Iterable<readonly [name: string, value: unknown]> | undefined;
  /** Where the broker keeps it: its id, where neither the broker nor the message itself tells one. */
  readonly place?: string | undefined;
}

/**
 * A message as a trace keeps it: its content as JSON where it is JSON, as text where it is text, and as bytes otherwise. An id and a
 * type that the broker does not tell are those in the content.
 */
export function messageOf(content: Uint8Array, { id, type, headers = [], place }: Told): Message {
  const read = contentOf(content);
  const { id: ownId, type: ownType } = (read.data ?? {}) as { readonly id?: unknown; readonly type?: unknown };
  const theId = id ?? textIn(ownId) ?? place;
  const theType = type ?? textIn(ownType);
  const fields = fieldsOf(headers);
  return {
    kind: 'message',
    ...(theId === undefined ? {} : { id: theId }),
    ...(theType === undefined ? {} : { type: theType }),
    ...(fields.length === 0 ? {} : { headers: fields }),
    ...read,
  };
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function contentOf(bytes: Uint8Array): Pick<Message, 'data' | 'raw' | 'truncated'> {
  const text = bytes.length > MAX_READ_BYTES ? undefined : decode(bytes);
  const json = text === undefined ? undefined : jsonIn(text);
  if (text !== undefined && json !== undefined) {
    const data = plain(json.value);
    const whole = text.length <= SURELY_WHOLE_CHARACTERS || JSON.stringify(data) === JSON.stringify(json.value);
    return whole ? { data } : { data, truncated: true };
  }
  const { body, truncated } = kept(bytes);
  const said = typeof body === 'string' ? { data: body } : { raw: body };
  return truncated === undefined ? said : { ...said, truncated };
}

/** JSON in a text; undefined where there is none. */
export function jsonIn(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

function fieldsOf(fields: Iterable<readonly [string, unknown]>): Headers {
  const told: [string, string][] = [];
  for (const [name, value] of fields) {
    if (value === undefined || value === null) continue;
    if (told.length === MAX_FIELDS) break;
    told.push([name, fieldOf(value).slice(0, MAX_FIELD_CHARACTERS)]);
  }
  return redactHeaders(told);
}

function fieldOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return decode(value) ?? Buffer.from(value).toString('base64');
  return JSON.stringify(plain(value)) ?? '';
}
