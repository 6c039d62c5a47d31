import { HarnessError, show } from '../errors.ts';
import { systemClock, type Millis } from '../time/index.ts';
import { RETRY_AFTER_FAULT_MS, type Held, type Queue, type QueueOptions, type Work } from './queue.ts';
import type { Delivery } from './store.ts';

/** How long the server of the queue may take to answer at the start, in milliseconds. */
const CONNECT_MS: Millis = 5_000;
/** How often the store is searched for jobs that the queue does not know, in milliseconds. */
const SWEEP_MS: Millis = 2_000;
/** How many jobs the queue is asked for at a time. */
const SWEEP_AT_ONCE = 100;
/** After how long a worker that does not say that it lives is taken for dead, in milliseconds. */
const LOCK_MS: Millis = 5_000;
/** How long the end waits for the server of the queue, in milliseconds: what is not said there is found out by the others. */
const STOP_MS: Millis = 5_000;
/** As often as it takes: accepted work ends, however many workers die of something else. */
const FOREVER = 1_000_000;
const NAME = 'holdfast-demo';

/**
 * A queue on Redis (BullMQ), for workers in several processes and hosts. It is no second truth: the store says what is to be done,
 * in the transaction that accepts it, and is swept for jobs that the queue does not know, because a process died between the two, or
 * Redis lost its memory. A job whose worker died is handed to another, which takes it over by a new attempt.
 *
 * @param url `redis://host:port` or `rediss://…`, with user and password where they are needed
 * @param role.works false for a process that hands jobs over and does none
 * @throws HarnessError `not-installed`, `queue-unavailable`
 */
export async function redisQueue(
  url: string,
  role: { readonly works: boolean } = { works: true },
): Promise<(options: QueueOptions) => Queue> {
  const { bullmq, Redis } = await libraries();
  // Asked once without trying again, so that a wrong address is told at once.
  const probe = new Redis(url, { lazyConnect: true, connectTimeout: CONNECT_MS, retryStrategy: () => null });
  // What happens is told by the promises below.
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    await probe.ping();
  } catch (error) {
    throw unavailable(url, error);
  } finally {
    probe.disconnect();
  }
  // By address, so that each connection is BullMQ's own to open again.
  const connection = { url, maxRetriesPerRequest: null };

  return ({ slots, unfinished, leftover, onError }) => {
    const queue = new bullmq.Queue<Delivery>(NAME, { connection });
    queue.on('error', onError);
    let size = 0;
    let handed = 0;
    const runs = new Set<Promise<void>>();
    let stopped = false;
    let worker: InstanceType<typeof bullmq.Worker<Delivery>> | undefined;
    let sweeping: Promise<void> = Promise.resolve();
    let cancelSweep = (): void => undefined;

    const add = async ({ id, from }: Delivery, delay: Millis): Promise<void> => {
      // One that the queue knows by this name is not added again.
      await queue.add(from, { id, from }, { ...KEPT, jobId: `${id}.${from}`, delay });
    };
    const sweep = async (): Promise<void> => {
      const left = await unfinished();
      size = left.length;
      handed = 0;
      for (let at = 0; at < left.length && !stopped; at += SWEEP_AT_ONCE) {
        const some = left.slice(at, at + SWEEP_AT_ONCE);
        const known = await Promise.all(
          some.map(async ({ id }) => (await Promise.all(STATES.map((from) => queue.getJob(`${id}.${from}`)))).some(Boolean)),
        );
        for (const [index, delivery] of some.entries()) if (known[index] === false) await add(delivery, 0);
      }
    };
    const sweepOn = (): void => {
      sweeping = sweep()
        .catch(onError)
        .then(() => {
          if (!stopped) cancelSweep = systemClock.after(SWEEP_MS, sweepOn);
        });
    };

    return {
      get busy() {
        return runs.size;
      },
      get size() {
        return size + handed;
      },
      deliver(delivery, delay) {
        if (stopped) return;
        handed++;
        // What does not get there is found by the sweep.
        add(delivery, delay).catch(onError);
      },
      start(work: Work) {
        sweepOn();
        if (!role.works) return;
        worker = new bullmq.Worker<Delivery>(
          NAME,
          async ({ data: { id } }) => {
            // As the store has it now: whoever had it before is dead, or its lock is lost and its attempt is over.
            const left = await leftover(id);
            if (left === undefined) return;
            if (stopped) throw new Error(`${id} is not begun`);
            const held: Held = { attempt: undefined };
            const run = work(left, held).finally(() => runs.delete(run));
            runs.add(run);
            await run;
            // It was given back, for the server goes down: another will do it.
            if ((await leftover(id, held)) !== undefined) throw new Error(`${id} is not done`);
          },
          {
            connection,
            concurrency: slots,
            lockDuration: LOCK_MS,
            stalledInterval: LOCK_MS,
            maxStalledCount: FOREVER,
          },
        );
        worker.on('error', onError);
        worker.on('failed', (_job, error) => {
          if (!stopped) onError(error);
        });
      },
      idle(change) {
        if (worker === undefined) return;
        worker.concurrency += change;
        // One that is full sleeps until a job ends, however many it may have by then: resumed, it looks at that at once.
        if (change > 0 && !stopped) wake(worker).catch(onError);
      },
      async stop() {
        stopped = true;
        cancelSweep();
        const enough = new AbortController();
        const parting = Promise.all([sweeping, worker?.close()])
          .then(() => queue.close())
          .catch(onError)
          .finally(() => enough.abort());
        await Promise.race([parting, systemClock.sleep(STOP_MS, enough.signal).catch(() => undefined)]);
        // Whoever is still at work has the store, which is closed next.
        await Promise.allSettled(runs);
        if (enough.signal.aborted) return;
        // Nor is it waited for that the connections say that they are gone: those that are not there never do.
        for (const one of [worker, queue]) one?.disconnect().catch(() => undefined);
      },
    };
  };
}

async function wake(worker: { pause(goOn: true): Promise<void>; resume(): Promise<void> }): Promise<void> {
  await worker.pause(true);
  await worker.resume();
}

const STATES = ['queued', 'running'] as const;
const KEPT = {
  attempts: FOREVER,
  backoff: { type: 'fixed', delay: RETRY_AFTER_FAULT_MS },
  removeOnComplete: true,
  removeOnFail: true,
} as const;

// Its type is taken from what is loaded: whoever compiles without these packages need not have them.
async function libraries() {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Redis };
  } catch (error) {
    throw new HarnessError(
      'not-installed',
      'a queue on Redis needs the packages bullmq and ioredis',
      'npm install bullmq ioredis',
      {
        cause: error,
      },
    );
  }
}

function unavailable(url: string, error: unknown): HarnessError {
  return new HarnessError(
    'queue-unavailable',
    `cannot reach the queue at ${show(shown(url), 200)}: ${error instanceof Error ? error.message : String(error)}`,
    'start Redis there, or give the address of one that runs, as in redis://127.0.0.1:6379',
    { cause: error },
  );
}

/** The address of a queue as it may be shown: without user and password. */
function shown(url: string): string {
  return URL.canParse(url) ? `${new URL(url).protocol}//${new URL(url).host}` : 'an address that cannot be read';
}
