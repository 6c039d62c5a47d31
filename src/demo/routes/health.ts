import type { Millis } from '../../time/index.ts';
import { all, one } from '../db.ts';
import { expose, expositionFor, gauge, MEDIA_TYPES, type Family, type Sample } from '../metrics.ts';
import type { Check } from '../parts.ts';
import { problem } from '../problem.ts';
import type { Answer, Routes, World } from '../route.ts';

/** How long what is asked whether it is up may take to say so, in milliseconds. */
const CHECK_TIMEOUT_MS: Millis = 1_000;
/** When to ask again, in seconds. */
const NOT_READY_RETRY_AFTER_S = 1;

/** What is told to those who look after the server: no caller is asked for, and nobody is counted. Each path is its own route. */
export function healthRoutes(world: World, slots: number): Routes {
  const { clock, parts, answers, worker, closing } = world;
  const { json, refuse, send } = answers;

  /** Whether it is up, within bounded time. */
  const isUp = ({ ask }: Check): Promise<boolean> =>
    new Promise((resolve) => {
      const cancel = clock.after(CHECK_TIMEOUT_MS, () => resolve(false));
      const told = (up: boolean): void => {
        cancel();
        resolve(up);
      };
      // In a chain of its own: what throws at once is down, too.
      Promise.resolve()
        .then(ask)
        .then(
          () => told(true),
          () => told(false),
        );
    });

  const live: Answer = async () => json(200, { status: 'live' }, { 'cache-control': 'no-store' });

  const ready: Answer = async () => {
    const checks = await Promise.all(parts.checks.map(async (check) => ({ name: check.name, isUp: await isUp(check) })));
    const down = checks.filter((check) => !check.isUp).map(({ name }) => `${name} is down`);
    const why = [...(closing() ? ['the server is going down'] : []), ...down];
    return why.length === 0
      ? json(200, { status: 'ready', checks: checks.map(({ name }) => name) }, { 'cache-control': 'no-store' })
      : refuse(problem('unready', why.join('; ')), {
          'cache-control': 'no-store',
          'retry-after': String(NOT_READY_RETRY_AFTER_S),
        });
  };

  /** What the store knows; all but whether it is up is left out when it is not. */
  const stored = async (): Promise<readonly Family[]> => {
    const help = 'Whether the store answers.';
    try {
      const counted = await parts.db.single(() =>
        all<{ kind: string; status: string; n: number }>(
          'SELECT kind, status, CAST(count(*) AS INTEGER) AS n FROM operations GROUP BY kind, status ORDER BY kind, status',
        ),
      );
      const last = await parts.db.single(() => one<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM events'));
      const operations: readonly Sample[] = counted.map(({ kind, status, n }) => ({
        labels: { kind, status },
        value: n,
      }));
      return [
        gauge('holdfast_store_up', help, { value: 1 }),
        gauge('holdfast_operations', 'Operations that are kept.', ...operations),
        {
          name: 'holdfast_events',
          type: 'counter',
          help: 'Events in the log.',
          samples: [{ value: last?.n ?? 0 }],
        },
      ];
    } catch {
      return [gauge('holdfast_store_up', help, { value: 0 })];
    }
  };

  const metrics: Answer = async (request) => {
    const format = expositionFor(request.headers.get('accept'));
    const { rss, heapUsed } = process.memoryUsage();
    // Where other processes work on the queue, its size is of a moment ago.
    const waiting = Math.max(0, worker.size - worker.busy);
    const families = [
      ...parts.meter.families(),
      ...(await stored()),
      gauge('holdfast_queue_jobs', 'Jobs that wait for the worker.', { value: waiting }),
      gauge('holdfast_worker_slots', 'How many jobs may be worked on at a time.', { value: slots }),
      gauge('holdfast_worker_slots_used', 'How many are worked on.', { value: worker.busy }),
      gauge('process_resident_memory_bytes', 'Memory of the process.', { value: rss }),
      gauge('nodejs_heap_size_used_bytes', 'Of which objects take up so much.', { value: heapUsed }),
    ];
    return send(200, MEDIA_TYPES[format], expose(families, format), { 'cache-control': 'no-store', vary: 'Accept' });
  };

  return { '/health/live': { GET: live }, '/health/ready': { GET: ready }, '/metrics': { GET: metrics } };
}

/** What the server cannot work without: its store, and the worker that does what was accepted. */
export function demoChecks(store: () => Promise<unknown>, isStarted: () => boolean): readonly Check[] {
  return [
    {
      name: 'store',
      ask: async () => void (await store()),
    },
    {
      name: 'worker',
      ask: async () => {
        if (!isStarted()) throw new Error('it has not started');
      },
    },
  ];
}
