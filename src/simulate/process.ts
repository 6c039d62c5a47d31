import { sleepWith } from '../time/clock.ts';
import type { Clock, Millis, Random } from '../time/index.ts';
import type { Fetching } from '../inject/faultyFetch.ts';
import { isStream } from '../inject/streams.ts';

/** What a process of the world is given: all that it may stand on. */
export interface Site {
  readonly name: string;
  /** Where it is reached: `http://NAME.test`. */
  readonly url: string;
  /** The clock of this process: it stands still while the process is paused, and ends with it. */
  readonly clock: Clock;
  /** Chance of its own, from the seed; the same after a restart, but for the number of the life. */
  readonly random: Random;
  /** For what it sends: to the other processes of the world, by way of the plan. */
  readonly fetch: Fetching;
  /** Time stands still while `work` is pending: for real input and output that cannot be seen (a worker, a thread pool, a module that is loaded late). */
  readonly hold: <T>(work: Promise<T>) => Promise<T>;
  /** How many lives it had before this one: 0, and one more after each kill or restart. */
  readonly lives: number;
}

/** A server as runtimes with `fetch` write it. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** An unmodified server of Node, as `http.createServer` makes it; structural. */
export interface NodeServer {
  emit(event: string, ...args: unknown[]): boolean;
  prependListener(event: string, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: string, listener: (...args: unknown[]) => void): unknown;
  listen(port: number, host: string, listening: () => void): unknown;
  address(): unknown;
  close(closed?: (error?: Error) => void): unknown;
  closeAllConnections?(): void;
}

/** One that is up. */
export type Up =
  | Handler
  | NodeServer
  | {
      readonly handle: Handler | NodeServer;
      /** Ends it in order, as at a restart and at the end of the world. Not called when it is killed. */
      close?(): void | Promise<void>;
    };

/** Starts a process; asked again for each life. What is to outlive it (its store) is made outside of it. */
export type Start = (site: Site) => Up | Promise<Up>;

/** How requests get to one that is up. */
export interface Attached {
  readonly send: (request: Request) => Promise<Response>;
  /** Ends all that is under way. */
  detach(isOrderly: boolean): Promise<void>;
}

interface Life {
  readonly attached: Attached;
  readonly close: () => Promise<void>;
  readonly over: AbortController;
}

/** How a connection ended that nobody closed. */
export function reset(): TypeError {
  return failed('ECONNRESET', 'read ECONNRESET');
}

export function failed(code: string, message: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(message), { code }) });
}

/**
 * One process. Killed, it stops where it waits: its timers never come, nobody answers it, and what it was asked breaks off. So does a
 * real one; what it has done before it waits, it has done.
 */
export class Process {
  readonly name: string;
  readonly #base: Clock;
  readonly #start: () => Promise<{ readonly attached: Attached; readonly close: () => Promise<void> }>;
  #life: Life | undefined;
  #resumed: Promise<void> | undefined;
  #resume: () => void = () => undefined;
  /** What came due while it was paused, in the order of time. */
  #late: (() => void)[] = [];
  #epoch = 0;
  /** What ends each timer that this life waits for. */
  readonly #timers = new Set<() => void>();
  /** Ways that are cut. */
  readonly cut: { in: number; out: number } = { in: 0, out: 0 };

  constructor(
    name: string,
    base: Clock,
    start: (clock: Clock, lives: number) => Promise<{ readonly attached: Attached; readonly close: () => Promise<void> }>,
  ) {
    this.name = name;
    this.#base = base;
    this.#start = () => start(this.#clock(), this.#epoch);
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  get lives(): number {
    return this.#epoch;
  }

  async start(): Promise<void> {
    if (this.#life !== undefined) return;
    const epoch = this.#epoch;
    const made = await this.#start();
    // Killed while it was starting.
    if (epoch !== this.#epoch) return made.attached.detach(false);
    this.#life = { ...made, over: new AbortController() };
  }

  /** At once, in the middle of what it does. */
  async kill(): Promise<void> {
    const life = this.#end();
    await life?.attached.detach(false);
  }

  /** In order. */
  async stop(): Promise<void> {
    const life = this.#life;
    this.resume();
    await life?.close();
    this.#end();
    await life?.attached.detach(true);
  }

  pause(): void {
    if (this.#resumed === undefined) this.#resumed = new Promise((resolve) => (this.#resume = resolve));
  }

  resume(): void {
    this.#resumed = undefined;
    this.#resume();
    for (const wake of this.#late.splice(0)) wake();
  }

  /** Whether a life is over: what it still sends goes nowhere. */
  isOver(epoch: number): boolean {
    return epoch !== this.#epoch;
  }

  /** Resolves when it is not paused. */
  async whenAwake(): Promise<void> {
    while (this.#resumed !== undefined) await this.#resumed;
  }

  /** @throws TypeError as `fetch` does, where nobody answers */
  async answer(request: Request): Promise<Response> {
    await this.whenAwake();
    const life = this.#life;
    if (life === undefined) throw failed('ECONNREFUSED', `connect ECONNREFUSED ${this.name}.test:80`);
    const { signal } = life.over;
    let broken: () => void = () => undefined;
    const over = new Promise<never>((_resolve, reject) => {
      broken = () => reject(reset());
      signal.addEventListener('abort', broken, { once: true });
    });
    try {
      const response = await Promise.race([life.attached.send(request), over]);
      await this.whenAwake();
      if (signal.aborted) throw reset();
      return endsWith(response, signal);
    } finally {
      signal.removeEventListener('abort', broken);
    }
  }

  #end(): Life | undefined {
    const life = this.#life;
    this.#life = undefined;
    this.#epoch++;
    this.#late = [];
    this.#resumed = undefined;
    this.#resume();
    for (const stop of this.#timers) stop();
    life?.over.abort();
    return life;
  }

  /** A clock that ends with this life. */
  #clock(): Clock {
    const base = this.#base;
    const epoch = this.#epoch;
    const isOver = (): boolean => this.isOver(epoch);
    const after = (ms: Millis, wake: () => void): (() => void) => {
      if (isOver()) return () => undefined;
      const timers = this.#timers;
      let isCancelled = false;
      const due = (): void => {
        timers.delete(stop);
        if (isCancelled || isOver()) return;
        if (this.#resumed === undefined) wake();
        else this.#late.push(due);
      };
      const cancel = base.after(ms, due);
      const stop = (): void => {
        isCancelled = true;
        timers.delete(stop);
        cancel();
      };
      timers.add(stop);
      return stop;
    };
    return {
      now: () => base.now(),
      wall: () => base.wall(),
      after,
      sleep: (ms, signal) => sleepWith(after, ms, signal),
    };
  }
}

/** A stream breaks off with its process; any other body has come. */
function endsWith(response: Response, signal: AbortSignal): Response {
  if (response.body === null || !isStream(response)) return response;
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      signal.addEventListener('abort', () => controller.error(new TypeError('terminated', { cause: reset().cause })), {
        once: true,
      });
    },
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.error(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  });
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
