import type { Clock, EpochMillis, Millis } from '../time/index.ts';
import type { Answers } from './answers.ts';
import type { Db } from './db.ts';
import { newest, tellEvent, type Filter, type LoggedEvent } from './events.ts';
import type { Parts } from './parts.ts';
import { problem } from './problem.ts';
import { EVENT_STREAM, HEARTBEAT, type Message } from './sse.ts';

/** The most feeds that may be open at a time; more are answered with 503. */
const MAX_FEEDS = 1_000;
/** When to come back to a server with too many, in seconds. */
const BUSY_RETRY_AFTER_S = 5;
/** How many events are read at a time: what a reader has not taken stays in the log, not in memory. */
export const FEED_PAGE = 100;
/** How long a client waits before it comes back to a stream that broke, in milliseconds. */
const RETRY_MS: Millis = 2_000;
/** The longest silence of a stream, in milliseconds: much that lies between cuts what is silent for a minute. */
export const HEARTBEAT_MS: Millis = 15_000;

/** What somebody wants to be told of. */
export interface Following {
  /** The place of the first event. */
  readonly from: number;
  readonly caller: string;
  readonly filter: Filter;
}

/** Who a stream is for. */
interface Audience {
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  readonly caller: { readonly until?: EpochMillis } | undefined;
}

/** Tells what happens as it happens, by Server-Sent Events and WebSocket alike. */
export class Feed {
  readonly #parts: Parts;
  readonly #answers: Answers;
  readonly #leaving: AbortSignal;
  readonly #onError: (error: unknown) => void;
  #open = 0;

  constructor(parts: Parts, answers: Answers, leaving: AbortSignal, onError: (error: unknown) => void) {
    this.#parts = parts;
    this.#answers = answers;
    this.#leaving = leaving;
    this.#onError = onError;
  }

  /** Why no more can be opened; undefined when it can. */
  get refusal(): Response | undefined {
    if (this.#open < MAX_FEEDS) return undefined;
    const told = problem('busy', `${MAX_FEEDS} feeds are open`);
    return this.#answers.refuse(told, { 'retry-after': String(BUSY_RETRY_AFTER_S) });
  }

  /**
   * The events from a place on, then each that comes, in the order of the log: they are read by place alone, so that nothing is
   * missed or told twice between catching up and live. After each long silence it gives undefined. Ends when the signal aborts or
   * the server goes down.
   */
  async *events(
    { from: first, caller, filter }: Following,
    stop: AbortSignal,
  ): AsyncGenerator<LoggedEvent | undefined, void, void> {
    const { db, eventsFrom } = this.#parts;
    const bell = this.#bell(stop);
    this.#open++;
    try {
      for (let from = first; !bell.isOver;) {
        bell.hush();
        const last = await db.single(newest);
        const page = await db.single(() => eventsFrom(from, caller, FEED_PAGE, filter));
        for (const event of page) {
          yield event;
          if (bell.isOver) return;
          from = event.n + 1;
          bell.spoke();
        }
        if (page.length === FEED_PAGE) continue;
        // What was there and is not for this reader need not be looked at again.
        from = Math.max(from, last + 1);
        if (await bell.isSilent()) yield undefined;
      }
    } finally {
      this.#open--;
      bell.close();
    }
  }

  /**
   * An operation as it is, then as it is after each change, until it has ended. Whoever reads more slowly than it changes is told
   * how it is, not how it was. After each long silence it gives undefined.
   *
   * @param known the version that the reader has
   */
  async *operation(id: string, known: string, stop: AbortSignal): AsyncGenerator<Message | undefined, void, void> {
    const { store, tell, isLast } = this.#parts;
    const bell = this.#bell(stop);
    this.#open++;
    try {
      for (let told = known; !bell.isOver;) {
        bell.hush();
        const operation = await store.get(id);
        if (operation === undefined) return;
        const version = String(operation.version);
        if (version !== told) {
          yield { id: version, event: 'operation', data: tell(operation) };
          told = version;
          bell.spoke();
        }
        if (isLast(operation)) return;
        if (await bell.isSilent()) yield undefined;
      }
    } finally {
      this.#open--;
      bell.close();
    }
  }

  /** Events as the messages of a stream. */
  async *messages(following: Following, stop: AbortSignal): AsyncGenerator<Message | undefined, void, void> {
    for await (const event of this.events(following, stop))
      yield event === undefined ? undefined : { id: event.id, event: event.type, data: tellEvent(event) };
  }

  /**
   * A stream of messages, which are asked for no faster than they are read.
   *
   * @param asked who it is for: it ends when the client has gone, or its token is over
   */
  stream(messages: (stop: AbortSignal) => AsyncGenerator<Message | undefined, void, void>, asked: Audience): Response {
    const { refusal } = this;
    if (refusal !== undefined) return refusal;
    const over = new AbortController();
    const source = this.#written(messages, over, asked);
    const encoder = new TextEncoder();
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const next = await source.next();
            // It may be cancelled while it waits, and takes nothing after that.
            if (isCancelled) return;
            if (next.done === true) controller.close();
            else controller.enqueue(encoder.encode(next.value));
          } catch (error) {
            this.#onError(error);
            controller.error(error);
          }
        },
        async cancel() {
          isCancelled = true;
          over.abort();
          await source.return();
        },
      },
      // Nothing is read for somebody who has not asked: a HEAD request never does.
      { highWaterMark: 0 },
    );
    return this.#answers.send(200, EVENT_STREAM, body, {
      'cache-control': 'no-store',
      vary: 'Accept',
      'x-accel-buffering': 'no',
    });
  }

  async *#written(
    messages: (stop: AbortSignal) => AsyncGenerator<Message | undefined, void, void>,
    over: AbortController,
    { signal: hungUp, caller }: Audience,
  ): AsyncGenerator<string, void, void> {
    const { clock } = this.#parts;
    const stop = (): void => over.abort();
    hungUp.addEventListener('abort', stop, { once: true });
    if (hungUp.aborted) stop();
    const cancel = caller?.until === undefined ? undefined : clock.after(caller.until - clock.wall(), stop);
    try {
      yield `retry: ${RETRY_MS}\n\n`;
      for await (const message of messages(over.signal)) yield message === undefined ? HEARTBEAT : this.#parts.frame(message);
    } finally {
      cancel?.();
      hungUp.removeEventListener('abort', stop);
    }
  }

  #bell(stop: AbortSignal): Bell {
    const { clock, db, heartbeat } = this.#parts;
    return new Bell(clock, db, [stop, this.#leaving], heartbeat);
  }
}

/** Wakes a reader when something was written; what was written while it read counts, too. */
class Bell {
  readonly #clock: Clock;
  readonly #ends: readonly AbortSignal[];
  readonly #silence: Millis;
  readonly #unhook: () => void;
  #rang = false;
  #wake: () => void = () => undefined;
  #due: Millis;

  constructor(clock: Clock, db: Db, ends: readonly AbortSignal[], silence: Millis) {
    this.#clock = clock;
    this.#ends = ends;
    this.#silence = silence;
    this.#due = clock.now() + silence;
    const ring = (): void => {
      this.#rang = true;
      this.#wake();
    };
    const unhook = db.onCommit(ring);
    for (const end of ends) end.addEventListener('abort', ring, { once: true });
    this.#unhook = () => {
      unhook();
      for (const end of ends) end.removeEventListener('abort', ring);
    };
  }

  get isOver(): boolean {
    return this.#ends.some(({ aborted }) => aborted);
  }

  /** To be called before reading. */
  hush(): void {
    this.#rang = false;
  }

  spoke(): void {
    this.#due = this.#clock.now() + this.#silence;
  }

  /** Waits until it rings, or has rung since it was hushed; true when the reader has been told nothing for too long. */
  async isSilent(): Promise<boolean> {
    if (!this.#rang && !this.isOver) {
      await new Promise<void>((resolve) => {
        const cancel = this.#clock.after(Math.max(0, this.#due - this.#clock.now()), resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    if (this.isOver || this.#clock.now() < this.#due) return false;
    this.spoke();
    return true;
  }

  close(): void {
    this.#unhook();
  }
}
