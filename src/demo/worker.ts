import type { Clock, Millis } from '../time/index.ts';
import type { Delivery, Parts } from './parts.ts';
import type { Job, Kind } from './kinds/kind.ts';
import type { Naming, Operation, OperationKind } from './store.ts';

/** How long a job waits until the worker tries it again when the store failed, in milliseconds. */
const RETRY_AFTER_FAULT_MS: Millis = 1000;

/** The share of the work that a job waits in the queue when the worker is free: a client can see it queued. */
const QUEUED_SHARE = 0.1;

/** How long a job stays in the queue when the worker is free, in milliseconds. */
export function pickUpDelay(work: Millis): Millis {
  return work * QUEUED_SHARE;
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

/** Does what a worker does of an operation in one go: somebody may watch. */
export type Around = (operation: Operation, work: () => Promise<void>) => Promise<void>;

/** How the work of each kind is done. */
export type Kinds = Readonly<Record<OperationKind, Kind>>;

/**
 * Does the work that was accepted, some jobs at a time. Everything it knows is in the store: it may be stopped, or die, at
 * any moment, and the next worker goes on from the last step that was noted.
 */
export class Worker {
  readonly #parts: Parts;
  readonly #kinds: Kinds;
  readonly #slots: number;
  readonly #nameReport: Naming;
  readonly #onError: (error: unknown) => void;
  readonly #around: Around;
  readonly #naps: Naps;
  readonly #ready: Delivery[] = [];
  readonly #delays = new Set<() => void>();
  readonly #runs = new Set<Promise<void>>();
  #state: 'new' | 'started' | 'stopped' = 'new';

  constructor(
    parts: Parts,
    kinds: Kinds,
    options: { slots: number; nameReport: Naming; onError: (error: unknown) => void; around: Around },
  ) {
    this.#parts = parts;
    this.#kinds = kinds;
    this.#slots = options.slots;
    this.#nameReport = options.nameReport;
    this.#onError = options.onError;
    this.#around = options.around;
    this.#naps = new Naps(parts.clock);
  }

  /** Jobs that are on their way, waiting or being worked on. */
  get size(): number {
    return this.#delays.size + this.#ready.length + this.#runs.size;
  }

  /** How many jobs are worked on. */
  get busy(): number {
    return this.#runs.size;
  }

  get isStarted(): boolean {
    return this.#state === 'started';
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'started';
    this.#run(async () => {
      // Whatever is running in the store was left by a worker that died: this process is the only one that has it open.
      for (const { id, status } of await this.#parts.store.unfinished()) this.deliver({ id, from: status }, 0);
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
      this.#run(
        () => this.#work(delivery),
        () => this.#tryAgain(delivery.id),
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
  #tryAgain(id: string): void {
    if (this.#state !== 'started') return;
    this.#later(RETRY_AFTER_FAULT_MS, () => {
      this.#run(
        async () => {
          const operation = await this.#parts.store.get(id);
          if (operation?.status === 'queued' || operation?.status === 'running') this.deliver({ id, from: operation.status }, 0);
        },
        () => this.#tryAgain(id),
      );
    });
  }

  async #work({ id, from }: Delivery): Promise<void> {
    const { clock, store } = this.#parts;
    const operation = await store.claim(id, from, clock.wall());
    if (operation !== undefined) await this.#around(operation, () => this.#kinds[operation.kind].run(this.#job(operation)));
  }

  #job(operation: Operation): Job {
    const { clock, store } = this.#parts;
    const { id, attempt } = operation;
    let asked = operation.status === 'cancelling';
    const now = async (): Promise<Operation | undefined> => {
      const found = this.#state === 'stopped' ? undefined : await store.get(id);
      if (found === undefined || found.attempt !== attempt) return undefined;
      return found.status === 'running' || found.status === 'cancelling' ? found : undefined;
    };
    return {
      operation,
      now,
      until: async (moment) => {
        for (;;) {
          const slept = await this.#naps.take(moment - clock.now(), id);
          if (this.#state === 'stopped') return false;
          if (slept) return true;
          const status = (await now())?.status;
          if (status === undefined) return false;
          // Whoever has something to undo is told once; what it does then takes its time.
          if (status === 'cancelling' && !asked) return (asked = true);
        }
      },
      note: (step, noted, alongside) => store.advance(id, attempt, step, clock.wall(), noted, alongside),
      finish: (outcome, alongside) => store.finish(id, attempt, outcome, clock.wall(), this.#nameReport, alongside),
    };
  }
}
