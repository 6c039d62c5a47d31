import { HarnessError, show } from '../errors.ts';
import { sleepWith, systemClock, type Clock } from './clock.ts';
import type { EpochMillis, Millis } from './duration.ts';
import { kindsOutside, MAX_REAL_WAIT_MS, nextTurn, requestsOutside, saysOutside, turnOfTheLoop } from './outside.ts';

export interface VirtualClock extends Clock {
  /**
   * Runs `body` with time driven: whenever nothing is left to do, time jumps to the next sleeper.
   *
   * @returns what `body` resolves to
   * @throws HarnessError `virtual-deadlock` when `body` is not finished, nobody sleeps and nothing is held
   */
  run<T>(body: () => T | Promise<T>): Promise<T>;
  /**
   * Moves time on by `ms`, waking sleepers in order of their moment (then of their registration). Within `run` it is this that
   * drives time until it is done.
   *
   * @throws HarnessError `invalid-duration` for what is no time to move on by
   */
  advance(ms: Millis): Promise<void>;
  /** Time stands still while `work` is pending: for real input and output that a virtual world waits on. */
  hold<T>(work: Promise<T>): Promise<T>;
  /** How many sleepers wait, and the moment of the first, in milliseconds of this clock. */
  readonly pending: { readonly count: number; readonly next: Millis | undefined };
}

interface Sleeper {
  readonly at: Millis;
  readonly order: number;
  readonly wake: () => void;
  cancelled: boolean;
}

/** Cancelled sleepers are thrown out once there are this many, and more than of the others: a deadline is hardly ever reached. */
const LITTER = 64;

/**
 * Does all that is left to do in this turn of the event loop, as the loop itself does at the end of each callback: promise
 * reactions and `process.nextTick`. Asking the loop for another turn costs as much as a whole look, most of it for asking the
 * system about sockets that nobody opened. Old, and no promise of Node's: where it is gone, every jump takes a turn.
 */
const drain = (process as unknown as Readonly<Record<string, (() => void) | undefined>>)['_tickCallback'];
/** How many jumps are made in one turn of the event loop: what is outside of the virtual world must have its turn too. */
const MAX_JUMPS = 32;

/** How many turns nothing must happen in a world that waits, until it is taken for dead: a socket may need some. */
const PATIENT_TURNS = 10;

/** How much is under way that only the event loop can end; timers of the machine are not waited for. */
function outside(): number {
  let count = 0;
  for (const kind of process.getActiveResourcesInfo()) if (kind !== 'Timeout') count++;
  return count;
}

/** Whether all came to rest without a turn of the event loop. `idle`: how much was under way before. */
function settled(idle: number): boolean {
  if (drain === undefined) return false;
  try {
    drain();
  } catch (error) {
    // Thrown by a callback of process.nextTick: it is nobody's, and must not be ours.
    queueMicrotask(() => {
      throw error;
    });
    return false;
  }
  return outside() === idle;
}

/** Wall time at virtual zero unless told otherwise: a fixed moment, so that two runs print the same dates. */
export const VIRTUAL_EPOCH_MS: EpochMillis = Date.UTC(2024, 0, 1);

/**
 * A clock that stands still until everything has been done that can be done, then jumps to the next sleeper: an hour of
 * polling takes milliseconds, and the same program gives the same trace.
 *
 * "Everything has been done" means that every promise reaction and tick has run, and, where something waits for the event loop
 * (an immediate, a socket), one turn of that. Work that leaves the process (disk, sockets, thread pool) takes more turns: wrap it
 * in `hold`.
 *
 * @param options.epoch wall time at zero, in milliseconds since 1970
 * @param options.waits whether a `run` waits for files, names and connections that are under way, before time goes on
 *
 * @example
 * ```ts
 * import { virtualClock } from 'holdfast/time';
 * const clock = virtualClock();
 * await clock.run(() => clock.sleep(3_600_000));
 * clock.now(); // => 3600000
 * ```
 */
export function virtualClock(options: { epoch?: EpochMillis; waits?: boolean } = {}): VirtualClock {
  const { epoch = VIRTUAL_EPOCH_MS, waits = false } = options;
  const queue = new Heap();
  let now: Millis = 0;
  let order = 0;
  let held = 0;
  let live = 0;
  let advancing = 0;
  let runs = 0;
  /** How often somebody drove time on. */
  let driven = 0;

  const after: Clock['after'] = (ms, wake) => {
    // Who sleeps for ever is nobody that time could jump to.
    if (ms === Number.POSITIVE_INFINITY) return () => undefined;
    const sleeper: Sleeper = { at: now + (ms > 0 ? ms : 0), order: order++, wake, cancelled: false };
    queue.push(sleeper);
    live++;
    return () => {
      if (sleeper.cancelled) return;
      sleeper.cancelled = true;
      live--;
      if (queue.size - live > LITTER + live) queue.keep((one) => !one.cancelled);
    };
  };

  const first = (): Sleeper | undefined => {
    for (let top = queue.peek(); top !== undefined; top = queue.peek()) {
      if (!top.cancelled) return top;
      queue.pop();
    }
    return undefined;
  };

  const wakeFirst = (): void => {
    const sleeper = queue.pop()!;
    sleeper.cancelled = true;
    live--;
    driven++;
    now = Math.max(now, sleeper.at);
    sleeper.wake();
  };

  const settle = async (): Promise<void> => {
    do await turnOfTheLoop();
    while (held > 0);
  };

  return {
    now: () => now,
    wall: () => epoch + now,
    after,
    sleep: (ms, signal) => sleepWith(after, ms, signal),
    run(body) {
      return new Promise((resolve, reject) => {
        const depth = ++runs;
        let done = false;
        let before = driven;
        const kinds = kindsOutside();
        const requests = waits ? requestsOutside() : 0;
        const result = (async () => body())();
        const mark = (): void => void (done = true);
        result.then(mark, mark);
        const end = (failure?: Error): void => {
          runs--;
          driven++;
          if (failure === undefined) resolve(result);
          else reject(failure);
        };
        let idle: number | undefined;
        let waitingSince: Millis | undefined;
        let idleTurns = 0;
        /** Whether something is under way that must end before time goes on. */
        const isWaiting = (): boolean => {
          if (!waits) return false;
          if (requestsOutside() <= requests) {
            waitingSince = undefined;
            idle = undefined;
            return false;
          }
          waitingSince ??= systemClock.now();
          if (systemClock.now() - waitingSince > MAX_REAL_WAIT_MS) throw stuckOutside(now, saysOutside(kinds));
          return true;
        };
        /** Jumps to the next sleeper, if time may go on; whether it did. `whole`: a whole turn of the event loop has gone by. */
        const jumped = (whole: boolean): boolean => {
          // Whoever drives time within this run comes first, and what they woke must come to rest.
          if (held > 0 || advancing > 0 || runs > depth || driven !== before) return false;
          if (first() === undefined) {
            if (whole && ++idleTurns >= (waits ? PATIENT_TURNS : 1)) throw deadlock(now, saysOutside(kinds));
            return false;
          }
          idleTurns = 0;
          wakeFirst();
          before = driven;
          return true;
        };
        /** Called by the event loop, at the end of a turn. */
        const drive = (): void => {
          try {
            for (let jumps = 0; jumps < MAX_JUMPS && !done && !(jumps === 0 && isWaiting()); jumps++) {
              if (!jumped(jumps === 0) || !settled((idle ??= outside()))) break;
            }
          } catch (error) {
            return end(error as Error);
          }
          if (done) return end();
          before = driven;
          nextTurn(drive);
        };
        nextTurn(drive);
      });
    },
    async advance(ms) {
      if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY)) {
        throw new HarnessError(
          'invalid-duration',
          `advance: expected milliseconds to move time on by, received ${show(ms)}`,
          'time only goes on, and to a moment: write clock.advance(500)',
        );
      }
      const end = now + ms;
      advancing++;
      try {
        await settle();
        for (let next = first(); next !== undefined && next.at <= end; next = first()) {
          wakeFirst();
          await settle();
        }
        now = Math.max(now, end);
      } finally {
        advancing--;
        driven++;
      }
    },
    async hold(work) {
      held++;
      try {
        return await work;
      } finally {
        held--;
      }
    },
    get pending() {
      return { count: live, next: first()?.at };
    },
  };
}

function deadlock(now: Millis, outside: readonly string[]): HarnessError {
  return new HarnessError(
    'virtual-deadlock',
    `virtual time stands still at ${now} ms: the body is not finished, yet nobody sleeps on this clock${underWay(outside)}`,
    'something waits for real time or real input and output: pass this clock to it, or wrap the work in clock.hold(promise)',
  );
}

function stuckOutside(now: Millis, outside: readonly string[]): HarnessError {
  return new HarnessError(
    'real-wait',
    `virtual time stands still at ${now} ms: real input or output has not ended after ${MAX_REAL_WAIT_MS} ms of the machine${underWay(outside)}`,
    'let the world reach nothing outside of it, or hand in what it needs in memory',
  );
}

function underWay(outside: readonly string[]): string {
  return outside.length === 0 ? '' : `; since it began there are, in this process: ${outside.join(', ')}`;
}

/** A binary heap by (at, order): a cancelled sleeper stays until it comes to the top or the litter is thrown out. */
class Heap {
  #items: Sleeper[] = [];

  get size(): number {
    return this.#items.length;
  }

  keep(wanted: (sleeper: Sleeper) => boolean): void {
    // What is in order is a heap.
    this.#items = this.#items.filter(wanted).sort((a, b) => (before(a, b) ? -1 : 1));
  }

  peek(): Sleeper | undefined {
    return this.#items[0];
  }

  push(sleeper: Sleeper): void {
    const items = this.#items;
    let i = items.push(sleeper) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && before(sleeper, items[parent]!); parent = (i - 1) >> 1) {
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = sleeper;
  }

  pop(): Sleeper | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return top;
    let i = 0;
    for (let child = 1; child < items.length; child = 2 * i + 1) {
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, last)) break;
      items[i] = items[child]!;
      i = child;
    }
    items[i] = last;
    return top;
  }
}

function before(a: Sleeper, b: Sleeper): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
