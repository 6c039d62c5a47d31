import type { Clock, Millis } from '../time/index.ts';
import type { Delivery, Parts } from './parts.ts';
import { STEPS, type Naming, type Operation } from './store.ts';

/** How long a job waits until the worker tries it again when the store failed, in milliseconds. */
const RETRY_AFTER_FAULT_MS: Millis = 1000;

/** The share of the work that a job waits in the queue when the worker is free: a client can see it queued. */
const QUEUED_SHARE = 0.1;

/** How long a job stays in the queue when the worker is free, in milliseconds. */
export function pickUpDelay(work: Millis): Millis {
  return work * QUEUED_SHARE;
}

/** With which attempt number a worker holds a job; undefined while it does not know. */
interface Held {
  attempt: number | undefined;
}

/** Waits that can be ended early: by key, or all at once. */
export class Naps {
  readonly #clock: Clock;
  readonly #naps = new Set<{ readonly key: string; readonly end: (slept: boolean) => void }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves to true when the time is over, to false when it was woken before. */
  take(ms: Millis, key: string): Promise<boolean> {
    return new Promise((resolve) => {
      const nap = {
        key,
        end: (slept: boolean) => {
          cancel();
          this.#naps.delete(nap);
          resolve(slept);
        },
      };
      const cancel = this.#clock.after(Math.max(0, ms), () => nap.end(true));
      this.#naps.add(nap);
    });
  }

  wake(key: string): void {
    for (const nap of this.#naps) if (nap.key === key) nap.end(false);
  }

  wakeAll(): void {
    for (const nap of this.#naps) nap.end(false);
  }
}

/**
 * Does the work that was accepted, some jobs at a time. Everything it knows is in the store: it may be stopped, or die, at
 * any moment, and the next worker goes on from the last step that was noted.
 */
export class Worker {
  readonly #parts: Parts;
  readonly #slots: number;
  readonly #nameReport: Naming;
  readonly #onError: (error: unknown) => void;
  readonly #naps: Naps;
  readonly #ready: Delivery[] = [];
  readonly #delays = new Set<() => void>();
  readonly #runs = new Set<Promise<void>>();
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(parts: Parts, options: { slots: number; nameReport: Naming; onError: (error: unknown) => void }) {
    this.#parts = parts;
    this.#slots = options.slots;
    this.#nameReport = options.nameReport;
    this.#onError = options.onError;
    this.#naps = new Naps(parts.clock);
  }

  /** Jobs that are on their way, waiting or being worked on. */
  get size(): number {
    return this.#delays.size + this.#ready.length + this.#runs.size;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'started';
    this.#run(async () => {
      const { db, store } = this.#parts;
      for (const { id, status } of await store.unfinished()) {
        // What is running in a store of our own was left by a worker that died; in one that is shared, it may have a living one.
        if (status === 'queued' || db.alone) this.deliver({ id, from: status }, 0);
      }
    });
  }

  /** Takes a job after `delay` milliseconds. A worker that has not started needs none: it will find the job in the store. */
  deliver(delivery: Delivery, delay: Millis): void {
    if (this.#state !== 'started') return;
    this.#later(delay, () => {
      this.#ready.push(delivery);
      this.#pump();
    });
  }

  /** Looks at once whether a job is still to be done, rather than at the end of its step. */
  nudge(id: string): void {
    this.#naps.wake(id);
  }

  /** Stops without finishing: what is not done stays in the store. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    for (const cancel of this.#delays) cancel();
    this.#delays.clear();
    this.#ready.length = 0;
    this.#naps.wakeAll();
    await Promise.all(this.#runs);
  }

  #pump(): void {
    while (this.#state === 'started' && this.#ready.length > 0 && this.#runs.size < this.#slots) {
      const delivery = this.#ready.shift()!;
      const held: Held = { attempt: undefined };
      this.#run(
        () => this.#work(delivery, held),
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
    const cancel = this.#parts.clock.after(delay, () => {
      this.#delays.delete(cancel);
      then();
    });
    this.#delays.add(cancel);
  }

  /** The store failed in mid-work: how far the job came is asked anew. */
  #tryAgain(id: string, held: Held): void {
    if (this.#state !== 'started') return;
    this.#later(RETRY_AFTER_FAULT_MS, () => {
      this.#run(
        async () => {
          const operation = await this.#parts.store.get(id);
          if (operation?.status !== 'queued' && operation?.status !== 'running') return;
          // Taken up by another in between, the job is that one's.
          if (held.attempt !== undefined && held.attempt !== operation.attempt) return;
          this.deliver({ id, from: operation.status }, 0);
        },
        () => this.#tryAgain(id, held),
      );
    });
  }

  async #work({ id, from }: Delivery, held: Held): Promise<void> {
    const { clock, store } = this.#parts;
    const operation = await store.claim(id, from, clock.wall());
    if (operation === undefined) return;
    const { order, attempt } = operation;
    held.attempt = attempt;
    const effort = order.work - pickUpDelay(order.work);
    // Each step ends at its own moment since the beginning, so that the delays of steps do not add up.
    const began = clock.now() - (effort * operation.step) / STEPS;
    for (let step = operation.step + 1; step <= STEPS; step++) {
      if (!(await this.#until(began + (effort * step) / STEPS, operation))) return;
      if (step < STEPS) {
        if (!(await store.advance(id, attempt, step))) return;
      } else {
        await store.finish(id, attempt, this.#parts.write(order), clock.wall(), this.#nameReport);
      }
    }
  }

  /** Waits until a moment; false when there is no reason left to go on. */
  async #until(moment: Millis, { id, attempt }: Operation): Promise<boolean> {
    const { clock, store } = this.#parts;
    for (;;) {
      const slept = await this.#naps.take(moment - clock.now(), id);
      if (this.#state === 'stopped') return false;
      if (slept) return true;
      const now = await store.get(id);
      if (now?.status !== 'running' || now.attempt !== attempt) return false;
    }
  }
}
