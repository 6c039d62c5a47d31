import type { Clock, Millis } from '../time/index.ts';
import type { Delivery } from './store.ts';

/** What is known of a job that was handed out. */
export interface Held {
  /** By which number it was taken up; undefined when it was not. */
  attempt: number | undefined;
}

/** Does a job, and notes how it is held; rejects when the store failed, and the job is to be tried again. */
export type Work = (delivery: Delivery, held: Held) => Promise<void>;

/** How jobs get from where they are accepted to where they are done. */
export interface Queue {
  /** Jobs that are on their way, waiting or being worked on, as far as this process knows. */
  readonly size: number;
  /** How many jobs are worked on in this process. */
  readonly busy: number;
  /** Hands a job to a worker after `delay` milliseconds. */
  deliver(delivery: Delivery, delay: Millis): void;
  /** Begins to hand jobs out, those first that were left unfinished. */
  start(work: Work): void;
  /**
   * Tells that a job that was handed out begins to wait for somebody else, and that its waiting ends: as long as it waits, another is
   * handed out in its place.
   */
  idle(change: 1 | -1): void;
  /** Hands no more out; resolves when those that were are given back. */
  stop(): Promise<void>;
}

/** What is left to do of a job: how it is to be delivered again; undefined when nothing, or nothing by who held it. */
export type Leftover = (id: string, held?: Held) => Promise<Delivery | undefined>;

/** What a queue works for. */
export interface QueueOptions {
  readonly clock: Clock;
  /** How many jobs are worked on at a time. */
  readonly slots: number;
  /** The jobs in the store that have not ended, and whose worker is not known to live. */
  readonly unfinished: () => Promise<readonly Delivery[]>;
  readonly leftover: Leftover;
  /** Told of what is tried again. */
  readonly onError: (error: unknown) => void;
}

/** How long a job waits until it is tried again when the store failed, in milliseconds. */
export const RETRY_AFTER_FAULT_MS: Millis = 1000;

/**
 * A queue in this process, which works on some jobs at a time. It keeps nothing: what a process leaves is in the store, and handed
 * out again at the next start.
 */
export class LocalQueue implements Queue {
  readonly #clock: Clock;
  readonly #slots: number;
  readonly #unfinished: () => Promise<readonly Delivery[]>;
  readonly #leftover: Leftover;
  readonly #onError: (error: unknown) => void;
  readonly #ready: Delivery[] = [];
  readonly #delays = new Set<() => void>();
  readonly #runs = new Set<Promise<void>>();
  /** Of the runs, those that wait for somebody else. */
  #idle = 0;
  #work: Work | undefined;
  #stopped = false;

  constructor(options: QueueOptions) {
    this.#clock = options.clock;
    this.#slots = options.slots;
    this.#unfinished = options.unfinished;
    this.#leftover = options.leftover;
    this.#onError = options.onError;
  }

  get size(): number {
    return this.#delays.size + this.#ready.length + this.#runs.size;
  }

  get busy(): number {
    return this.#runs.size;
  }

  start(work: Work): void {
    this.#work = work;
    this.#run(async () => {
      for (const delivery of await this.#unfinished()) this.deliver(delivery, 0);
    });
  }

  /** A queue that has not started needs no delivery: it will find the job in the store. */
  deliver(delivery: Delivery, delay: Millis): void {
    if (!this.#isOpen()) return;
    this.#later(delay, () => {
      this.#ready.push(delivery);
      this.#pump();
    });
  }

  idle(change: 1 | -1): void {
    this.#idle += change;
    this.#pump();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const cancel of this.#delays) cancel();
    this.#delays.clear();
    this.#ready.length = 0;
    await Promise.all(this.#runs);
  }

  #isOpen(): boolean {
    return this.#work !== undefined && !this.#stopped;
  }

  #pump(): void {
    while (this.#isOpen() && this.#ready.length > 0 && this.#runs.size - this.#idle < this.#slots) {
      const delivery = this.#ready.shift()!;
      const held: Held = { attempt: undefined };
      this.#run(
        () => this.#work!(delivery, held),
        () => this.#tryAgain(delivery.id, held),
      );
    }
  }

  #run(body: () => Promise<void>, onFault?: () => void): void {
    const run = body()
      .catch((error: unknown) => {
        this.#onError(error);
        onFault?.();
      })
      .finally(() => {
        this.#runs.delete(run);
        this.#pump();
      });
    this.#runs.add(run);
  }

  #later(delay: Millis, then: () => void): void {
    const cancel = this.#clock.after(delay, () => {
      this.#delays.delete(cancel);
      then();
    });
    this.#delays.add(cancel);
  }

  /** The store failed in mid-work: how far the job came is asked anew. */
  #tryAgain(id: string, held: Held): void {
    if (!this.#isOpen()) return;
    this.#later(RETRY_AFTER_FAULT_MS, () => {
      this.#run(
        async () => {
          const left = await this.#leftover(id, held);
          if (left !== undefined) this.deliver(left, 0);
        },
        () => this.#tryAgain(id, held),
      );
    });
  }
}
