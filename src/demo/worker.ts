import type { Clock, Millis } from '../time/index.ts';
import type { Parts } from './parts.ts';
import type { Held, Queue } from './queue.ts';
import type { Job, Kind } from './kinds/kind.ts';
import type { Delivery, Naming, Operation, OperationKind } from './store.ts';

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

  /** Resolves to true when the time is over or the signal aborts, to false when it was woken before. */
  take(ms: Millis, key: string, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const stop = (): void => nap.end(true);
      const nap = {
        key,
        end: (slept: boolean) => {
          cancel();
          signal?.removeEventListener('abort', stop);
          this.#naps.delete(nap);
          resolve(slept);
        },
      };
      const cancel = this.#clock.after(signal?.aborted === true ? 0 : Math.max(0, ms), stop);
      signal?.addEventListener('abort', stop, { once: true });
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
 * Does the work that was accepted. Everything it knows is in the store: it may be stopped, or die, at any moment, and the next
 * worker goes on from the last step that was noted.
 */
export class Worker {
  readonly #parts: Parts;
  readonly #kinds: Kinds;
  readonly #queue: Queue;
  readonly #nameReport: Naming;
  readonly #naps: Naps;
  readonly #lookAgain: Millis;
  readonly #around: Around;
  #state: 'new' | 'started' | 'stopped' = 'new';

  /**
   * @param options.lookAgain how often a job that waits is looked at, in milliseconds, where other processes may cancel it
   */
  constructor(parts: Parts, kinds: Kinds, options: { queue: Queue; nameReport: Naming; around: Around; lookAgain?: Millis }) {
    this.#parts = parts;
    this.#kinds = kinds;
    this.#queue = options.queue;
    this.#nameReport = options.nameReport;
    this.#naps = new Naps(parts.clock);
    this.#around = options.around;
    this.#lookAgain = options.lookAgain ?? Number.POSITIVE_INFINITY;
  }

  /** Jobs that are on their way, waiting or being worked on. */
  get size(): number {
    return this.#queue.size;
  }

  /** How many jobs are worked on. */
  get busy(): number {
    return this.#queue.busy;
  }

  get isStarted(): boolean {
    return this.#state === 'started';
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'started';
    this.#queue.start((delivery, held) => this.#work(delivery, held));
  }

  /** Takes a job after `delay` milliseconds. */
  deliver(delivery: Delivery, delay: Millis): void {
    this.#queue.deliver(delivery, delay);
  }

  /** Looks at once whether a job is still to be done, rather than at the end of its step. */
  nudge(id: string): void {
    this.#naps.wake(id);
  }

  /** Stops without finishing: what is not done stays in the store. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#naps.wakeAll();
    await this.#queue.stop();
  }

  async #work({ id, from }: Delivery, held: Held): Promise<void> {
    const { clock, store } = this.#parts;
    const operation = await store.claim(id, from, clock.wall());
    if (operation === undefined) return;
    held.attempt = operation.attempt;
    await this.#around(operation, () => this.#kinds[operation.kind].run(this.#job(operation)));
  }

  #isStopped(): boolean {
    return this.#state === 'stopped';
  }

  #job(operation: Operation): Job {
    const { clock, store } = this.#parts;
    const { id, attempt } = operation;
    let asked = operation.status === 'cancelling';
    const now = async (): Promise<Operation | undefined> => {
      const found = this.#isStopped() ? undefined : await store.get(id);
      if (found === undefined || found.attempt !== attempt) return undefined;
      return found.status === 'running' || found.status === 'cancelling' ? found : undefined;
    };
    const wait = async (moment: Millis, signal?: AbortSignal): Promise<boolean> => {
      for (;;) {
        if (this.#isStopped()) return false;
        const slept = await this.#naps.take(Math.min(moment - clock.now(), this.#lookAgain), id, signal);
        if (this.#isStopped()) return false;
        if (slept && (signal?.aborted === true || moment <= clock.now())) return true;
        const status = (await now())?.status;
        if (status === undefined) return false;
        // Whoever has something to undo is told once; what it does then takes its time.
        if (status === 'cancelling' && !asked) return (asked = true);
      }
    };
    return {
      operation,
      now,
      until: async (moment, { idle = false, signal } = {}) => {
        if (!idle) return wait(moment, signal);
        this.#queue.idle(1);
        try {
          return await wait(moment, signal);
        } finally {
          this.#queue.idle(-1);
        }
      },
      note: (step, noted, alongside) => store.advance(id, attempt, step, clock.wall(), noted, alongside),
      finish: (outcome, alongside) => store.finish(id, attempt, outcome, clock.wall(), this.#nameReport, alongside),
    };
  }
}
