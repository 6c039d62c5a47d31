import { HarnessError, show } from '../errors.ts';
import { formatDuration, parseDuration, type Duration, type Millis } from '../time/duration.ts';
import type { Clock } from '../time/index.ts';
import { plain } from '../trace/plain.ts';
import { readRetryAfter } from '../trace/retry-after.ts';
import { redactUrl } from '../trace/redact.ts';
import type { Event } from '../trace/index.ts';
import type { OpenContext, Push } from '../watch/index.ts';
import { tell, type ChannelOptions, type Message } from './channel.ts';
import { mediaType } from './cloudEvent.ts';
import { EventStream, type StreamedEvent } from './eventStream.ts';
import { MAX_REDIRECTS, minding, resolved, sendable, withoutSecrets, type Fetch, type HeaderFields } from './exchange.ts';
import { checkedHeaders, checkedUrl, isTransient } from './httpStatus.ts';
import { Repeats } from './repeats.ts';

/** How long to wait before coming back to a stream that broke, unless it says otherwise, in milliseconds. */
export const RECONNECT_MS: Millis = 1_000;
/** The shortest wait before coming back, in milliseconds, whatever the stream asks for: `retry: 0` is no wish to be asked without end. */
const MIN_RECONNECT_MS: Millis = 10;
/** A connection that lasted so long, in milliseconds, was of use though it told nothing. */
const IDLE_MS: Millis = 1_000;
/** The longest wait before coming back to one that keeps failing, in milliseconds; its own wish may be longer. */
const MAX_RECONNECT_MS: Millis = 30_000;
/** How long the opening waits for the stream's header, in milliseconds: some servers send it with the first event. */
export const OPENING_MS: Millis = 1_000;
/** The most characters of one event, unless told otherwise. */
const MAX_EVENT_CHARACTERS = 1_048_576;

export interface SseOptions extends ChannelOptions {
  /** Sent with each request, for the origin of the address; another one gets only what is harmless. */
  readonly headers?: HeaderFields | undefined;
  /** The global `fetch` by default. */
  readonly fetch?: Fetch | undefined;
  /** Where to begin: sent as Last-Event-ID with the first request. */
  readonly lastEventId?: string | undefined;
  /** Whether to come back when the stream breaks or ends: as browsers do, unless it is `false`. */
  readonly reconnect?: boolean | undefined;
  /**
   * The longest silence, comments included: after it an error is seen and the stream is opened anew. Without it, none is too
   * long.
   */
  readonly silence?: Duration | undefined;
  /**
   * The place of an event in what should be told without gaps. Then a gap or a repetition is an error; without it, ids that
   * end in a number are looked at, and what looks like a gap after coming back is noted.
   */
  readonly sequence?: ((message: Message) => number | undefined) | undefined;
  /** The most characters of one event; 1 Mi by default. A larger one ends the stream with an error. */
  readonly maxEventCharacters?: number | undefined;
}

/**
 * Sees by a stream of Server-Sent Events (WHATWG HTML §9.2), read by `fetch`.
 *
 * It comes back by itself with Last-Event-ID, after the time that `retry` or Retry-After asks for; 204 ends it. It asks for no
 * compression, since a stream that is compressed may be held back. A stream that is not one (another status or type) is an
 * error, and the end.
 *
 * @param url the absolute address
 * @throws HarnessError `invalid-url`, `invalid-headers`, `invalid-duration`, `invalid-option`
 *
 * @example
 * ```ts
 * import { subject, watch } from 'holdfast';
 * import { demoApp, serve } from 'holdfast/demo';
 * import { reach } from 'holdfast/logic';
 * import { sse } from 'holdfast/probes';
 * const server = await serve(demoApp({ work: '20ms' }));
 * const started = await fetch(`${server.url}/reports`, { method: 'POST' });
 * const monitor = new URL(started.headers.get('location') ?? '', server.url).href;
 * const stream = subject([sse(monitor, { reconnect: false })]);
 * const judgement = await watch(stream, reach({ state: 'succeeded' }));
 * judgement.verdict; // => 'holds'
 * await server.close();
 * ```
 */
export function sse(url: string, options: SseOptions = {}): Push {
  const { href } = checkedUrl(url, 'sse');
  const headers = checkedHeaders(options.headers, 'headers');
  const silence = options.silence === undefined ? undefined : parseDuration(options.silence, 'silence');
  const { maxEventCharacters: limit = MAX_EVENT_CHARACTERS, sequence, lastEventId } = options;
  if (lastEventId !== undefined && (typeof lastEventId !== 'string' || !isSendable(encoded(lastEventId))))
    throw new HarnessError(
      'invalid-option',
      `lastEventId: expected a text that a header field can carry, received ${show(lastEventId)} (RFC 9110 §5.5)`,
      'an id has one line, without control characters',
    );
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new HarnessError(
      'invalid-option',
      `maxEventCharacters: expected a whole number from 1, received ${show(limit)}`,
      'it is a number of characters',
    );
  if (sequence !== undefined && typeof sequence !== 'function')
    throw new HarnessError(
      'not-a-function',
      `sequence: expected a function that tells the place of an event, received ${show(sequence)}`,
      'write it as in sequence: ({ data }) => data.version',
    );
  const settings = { url: href, headers, silence, limit };
  return {
    name: options.name ?? 'sse',
    stateless: options.state === false,
    async open(context) {
      const listening = new Listening(context, options, settings);
      const done = listening.run();
      // Told by whoever holds the handle; before, nobody does.
      done.catch(() => undefined);
      const leave = (): void => void listening.stop(done);
      context.signal?.addEventListener('abort', leave, { once: true });
      await listening.ready;
      context.signal?.removeEventListener('abort', leave);
      return { done, [Symbol.asyncDispose]: () => listening.stop(done) };
    },
  };
}

interface Settings {
  readonly url: string;
  readonly headers: Headers;
  readonly silence: Millis | undefined;
  readonly limit: number;
}

/** How one connection came to its end. */
type Ended = {
  readonly again: boolean;
  readonly failed: boolean;
  readonly wait?: Millis | undefined;
  /** It ended in order, after so many events. */
  readonly events?: number | undefined;
};

/** One who listens, over as many connections as it takes. */

const DIRECT = 'give the address at which the stream is, not one that redirects';

class Listening {
  readonly ready: Promise<void>;
  readonly #clock: Clock;
  readonly #record: OpenContext['record'];
  readonly #options: SseOptions;
  readonly #settings: Settings;
  readonly #name: string;
  readonly #leaving = new AbortController();
  readonly #places: Places;
  #isReady!: () => void;
  #lastId: string;
  #retry: Millis = RECONNECT_MS;
  #asked = false;
  /** How often it ended in order, and how many events this connection has told. */
  #ends = 0;
  #events = 0;
  #isUnsendableTold = false;
  /** What failed last, so that it is told once while it goes on failing. */
  #failure: string | undefined;

  constructor(context: OpenContext, options: SseOptions, settings: Settings) {
    this.#clock = context.clock;
    this.#record = (event, keys) => context.record(event, keys);
    this.#options = options;
    this.#settings = settings;
    this.#name = options.name ?? 'sse';
    this.#lastId = options.lastEventId ?? '';
    this.#places = new Places(options.sequence, (event) => context.record(event));
    this.ready = new Promise((resolve) => (this.#isReady = resolve));
  }

  async run(): Promise<void> {
    const { signal } = this.#leaving;
    // A server may send its header with the first event, which may wait for the very operation that waits for us.
    const cancel = this.#clock.after(OPENING_MS, () => {
      this.#note(`${this.#name} has not answered in ${formatDuration(OPENING_MS)}; it is waited for`);
      this.#isReady();
    });
    const ready = (): void => {
      cancel();
      this.#isReady();
    };
    try {
      for (let failures = 0; !signal.aborted;) {
        const began = this.#clock.now();
        const ended = await this.#connection(ready);
        ready();
        if (!ended.again || this.#options.reconnect === false || signal.aborted) return;
        // One that is over at once with nothing told is of no more use than one that failed.
        const isIdle = ended.events === 0 && this.#clock.now() - began < IDLE_MS;
        failures = ended.failed || isIdle ? failures + 1 : 0;
        const least = Math.max(this.#retry, MIN_RECONNECT_MS);
        const patience = failures < 2 ? least : Math.min(least * 2 ** Math.min(failures - 1, 20), this.#longest);
        const wait = Math.max(patience, ended.wait ?? 0);
        if (ended.events !== undefined) this.#noteEnd(ended.events, wait);
        await this.#clock.sleep(wait, signal);
      }
    } finally {
      ready();
    }
  }

  /** That it ended in order, with a count: told at its first time, its tenth, its hundredth, as some end after each event. */
  #noteEnd(events: number, wait: Millis): void {
    const times = ++this.#ends;
    if (!/^10*$/.test(String(times))) return;
    const often = times === 1 ? '' : `, for the ${times}th time`;
    const asked = this.#retry < MIN_RECONNECT_MS ? `, though it asks for ${this.#retry} ms` : '';
    this.#note(
      `${this.#name} ended in order after ${events === 1 ? '1 event' : `${events} events`}${often}; it is opened again in ${formatDuration(wait)}${asked}`,
    );
  }

  get #longest(): Millis {
    return Math.max(this.#retry, MAX_RECONNECT_MS);
  }

  async stop(done: Promise<void>): Promise<void> {
    this.#leaving.abort();
    await done;
  }

  /** One connection, from its request to its end. */
  async #connection(ready: () => void): Promise<Ended> {
    const { signal } = this.#leaving;
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    signal.addEventListener('abort', stop, { once: true });
    let silent = false;
    let cancel = (): void => undefined;
    const heard = (): void => {
      cancel();
      const { silence } = this.#settings;
      if (silence === undefined) return;
      cancel = this.#clock.after(silence, () => {
        silent = true;
        controller.abort();
      });
    };
    let compressed: string | null = null;
    try {
      heard();
      const response = await this.#ask(controller.signal);
      if (response === undefined) return { again: false, failed: true };
      compressed = response.headers.get('content-encoding');
      const refused = await this.#refusal(response);
      if (refused !== undefined) return refused;
      this.#connected(compressed);
      ready();
      heard();
      return await this.#read(response, heard, controller.signal);
    } catch (error) {
      if (signal.aborted) return { again: false, failed: false };
      if (silent) {
        const held = isCompressed(compressed) ? `; it is compressed (${compressed}), which may hold events back` : '';
        this.#error(`${this.#name} has been silent for ${formatDuration(this.#settings.silence!)}${held}`, 'SilentStream', {
          always: true,
        });
        return { again: true, failed: false };
      }
      this.#error(`${this.#name} broke off: ${withoutSecrets(causeOf(error))}`, 'BrokenStream');
      return { again: true, failed: true };
    } finally {
      cancel();
      signal.removeEventListener('abort', stop);
      controller.abort();
    }
  }

  /** Asks, and follows a bounded number of redirects; credentials do not go along to another origin. */
  async #ask(signal: AbortSignal): Promise<Response | undefined> {
    const { url: first, headers: own } = this.#settings;
    const fetch: Fetch = minding(this.#options.fetch ?? ((url, init) => globalThis.fetch(url, init)));
    let url = first;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const { headers } = sendable(own, url, [new URL(first).origin]);
      headers.set('accept', 'text/event-stream');
      headers.set('accept-encoding', 'identity');
      headers.set('cache-control', 'no-store');
      if (this.#lastId !== '') this.#sendId(headers, encoded(this.#lastId));
      const response = await fetch(url, { method: 'GET', headers: Object.fromEntries(headers), redirect: 'manual', signal });
      const location = response.headers.get('location');
      if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
      await response.body?.cancel();
      const next = resolved(location, url);
      if (next === undefined) {
        this.#error(`${this.#address(url)} answered ${response.status} with a Location that is not a URL`, 'NotAStream', {
          hint: DIRECT,
        });
        return undefined;
      }
      url = next;
    }
    this.#error(`${this.#address(first)} redirects more than ${MAX_REDIRECTS} times`, 'NotAStream', { hint: DIRECT });
    return undefined;
  }

  /** What HTTP cannot carry is not sent: with it, no request would be. */
  #sendId(headers: Headers, id: string): void {
    if (isSendable(id)) return headers.set('last-event-id', id);
    if (!this.#isUnsendableTold)
      this.#note(`the id ${show(this.#lastId, 80)} cannot be sent as Last-Event-ID (RFC 9110 §5.5): it is resumed without one`);
    this.#isUnsendableTold = true;
  }

  /** What the answer means where it is no stream; undefined where it is one. */
  async #refusal(response: Response): Promise<Ended | undefined> {
    const { status, headers } = response;
    const type = mediaType(headers.get('content-type') ?? undefined);
    if (status === 200 && type === 'text/event-stream') return undefined;
    await response.body?.cancel();
    if (status === 204) {
      this.#note(`${this.#name} was told by 204 that there is no more to come`);
      return { again: false, failed: false };
    }
    const address = this.#address(this.#settings.url);
    if (isTransient(status)) {
      this.#error(`${address} answered ${status}`, 'BrokenStream', { status });
      const field = headers.get('retry-after');
      const wish = field === null ? undefined : readRetryAfter(field, this.#clock.wall());
      return { again: true, failed: true, wait: wish?.ok === true ? wish.delay : undefined };
    }
    const received = status === 200 ? `the type ${type === '' ? 'of nothing' : show(type)}` : `the status ${status}`;
    this.#error(
      `${address} is a stream that is not one: expected 200 with the type "text/event-stream", received ${received}`,
      'NotAStream',
      {
        status,
        hint: `is it the right address, and does it need { headers }? curl -N -H 'accept: text/event-stream' ${redactUrl(this.#settings.url)} shows what it answers; what is asked again and again is followed by operation() or poll`,
      },
    );
    return { again: false, failed: true };
  }

  #connected(compressed: string | null): void {
    // Whoever waits is told that silence is silence again.
    if (this.#failure !== undefined) this.#note(`${this.#name} listens again`);
    this.#failure = undefined;
    if (isCompressed(compressed) && !this.#asked)
      this.#note(`${this.#name} is compressed (${compressed}) though it was asked not to be: events may be held back`);
    this.#asked = true;
    if (this.#lastId !== '') this.#places.resumed(this.#lastId);
  }

  async #read(response: Response, heard: () => void, signal: AbortSignal): Promise<Ended> {
    this.#events = 0;
    const stream = new EventStream((event) => this.#told(event), this.#settings.limit, this.#lastId);
    const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
    if (reader === undefined) return { again: true, failed: false, events: 0 };
    // Whoever answered need not mind the signal: this ends a read that waits.
    const stop = (): void => void reader.cancel().catch(() => undefined);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    for (;;) {
      const { done, value } = await reader.read();
      if (signal.aborted) throw signal.reason;
      if (done) return { again: true, failed: false, events: this.#events };
      heard();
      const fits = stream.push(value);
      this.#lastId = stream.lastId;
      if (stream.retry !== undefined) this.#retry = stream.retry;
      if (fits) continue;
      this.#error(`${this.#name} told an event of more than ${this.#settings.limit} characters`, 'NotAStream', {
        hint: 'an event this large is allowed by { maxEventCharacters }',
      });
      await reader.cancel();
      return { again: false, failed: true };
    }
  }

  #told({ type, data, id }: StreamedEvent): void {
    this.#events++;
    const times = id === undefined || id === '' ? 1 : this.#places.count(id, type, data);
    const message: Message = {
      kind: 'message',
      ...(id === undefined || id === '' ? {} : { id }),
      type,
      data: plain(read(data)),
      ...(times > 1 ? { attempt: times } : {}),
    };
    try {
      // What is told again tells no new state.
      tell(this.#record, message, times > 1 ? { ...this.#options, state: false } : this.#options);
      this.#places.saw(message, times);
    } catch (error) {
      const why = error instanceof Error ? error.message : show(error);
      this.#record({
        kind: 'error',
        name: 'InvalidChannel',
        message: `${this.#name}: what it was told could not be read: ${why}`,
      });
    }
  }

  #note(text: string): void {
    this.#record({ kind: 'note', text });
  }

  /** @param more.always also when the same was told just before */
  #error(message: string, name: string, more: { always?: true; status?: number; hint?: string } = {}): void {
    const { always, ...rest } = more;
    if (always !== true && this.#failure === message) return;
    this.#failure = message;
    this.#record({ kind: 'error', name, message, ...rest });
  }

  #address(url: string): string {
    return `GET ${redactUrl(url)}`;
  }
}

/** What was told, and what is missing between. */
class Places {
  readonly #given: SseOptions['sequence'];
  readonly #record: (event: Event) => void;
  readonly #repeats = new Repeats();
  /** An id that came with other data was told of: one who uses an id so does so each time. */
  #isReused = false;
  #last: number | undefined;
  /** How many in a row have come one after the other. */
  #row = 0;
  #since: string | undefined;

  constructor(given: SseOptions['sequence'], record: (event: Event) => void) {
    this.#given = given;
    this.#record = record;
  }

  /** The stream was opened again, to go on after this id. */
  resumed(after: string): void {
    this.#since = after;
  }

  /** How often an id has come with this very data: with other data it is news. */
  count(id: string, type: string, data: string): number {
    const { times, same } = this.#repeats.saw(id, type, data);
    if (times > 1 && same === 1 && !this.#isReused) {
      this.#isReused = true;
      this.#tell(`the id ${show(id, 80)} came again with other data, which is taken for news`);
    }
    return same;
  }

  saw(message: Message, times: number): void {
    const { id } = message;
    const since = this.#since;
    this.#since = undefined;
    if (times > 1) {
      const after = since === undefined ? '' : ` after it was resumed from ${show(since)}`;
      this.#tell(`the event ${show(id)} was told again${after}`);
      return;
    }
    const place = this.#given === undefined ? numberIn(id) : this.#given(message);
    if (place === undefined) return;
    const [last, row] = [this.#last, this.#row];
    this.#last = place;
    this.#row = last !== undefined && place === last + 1 ? row + 1 : 0;
    if (last === undefined) return;
    if (this.#given !== undefined && place <= last) this.#tell(`the event at ${place} was told after the one at ${last}`);
    // Numbers with gaps of their own, as of a stream that is filtered, say nothing.
    if (place > last + 1 && (this.#given !== undefined || (since !== undefined && row > 0)))
      this.#tell(
        `between ${last} and ${place} ${place - last - 1} events are missing${since === undefined ? '' : ', lost while the stream was broken'}`,
      );
  }

  #tell(text: string): void {
    this.#record(this.#given === undefined ? { kind: 'note', text } : { kind: 'error', name: 'BrokenSequence', message: text });
  }
}

function numberIn(id: string | undefined): number | undefined {
  const [digits] = /\d{1,15}$/.exec(id ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function isCompressed(encoding: string | null): encoding is string {
  return encoding !== null && encoding !== '' && encoding !== 'identity';
}

/** JSON where it is JSON, else the text. */
export function read(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    return data;
  }
}

/** A header field holds bytes: what is beyond is written as UTF-8, as browsers do. */
function encoded(id: string): string {
  return Buffer.from(id, 'utf8').toString('latin1');
}

/** Whether a header field can carry it (RFC 9110 §5.5). */
function isSendable(bytes: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(bytes);
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return show(error);
  const { cause } = error;
  return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message;
}
