import { exactlyOnce, forEach, formula, is, leadsTo, sameStory, succeed, type Claim } from '../src/logic/index.ts';
import { systemClock, virtualClock } from '../src/time/index.ts';
import { createTrace, type Event } from '../src/trace/index.ts';
import { subject, watch, type OpenContext, type Push } from '../src/watch/index.ts';
import { table } from './inside-vitest.ts';

const SIZES = [100, 10_000, 1_000_000] as const;
/** Over how many of the last observations the cost of one is taken. */
const SAMPLE = 50;
const MIB = 1024 * 1024;

interface Watched {
  readonly claim: Claim;
  /** What comes as the nth. */
  readonly event: (n: number) => readonly [Event, keys?: readonly string[]];
}

/** Each claim with what it has to remember most for. */
const CLAIMS: Readonly<Record<string, Watched>> = {
  succeed: { claim: succeed(), event: (n) => [{ kind: 'state', state: 'running', progress: n % 100 }] },
  'exactlyOnce, each another key': {
    claim: exactlyOnce({ event: { kind: 'message' } }),
    event: (n) => [{ kind: 'message', id: `m${n}`, type: 'paid' }],
  },
  'sameStory, two states in turn': {
    claim: sameStory(),
    event: (n) => [{ kind: 'state', state: n % 2 === 0 ? 'queued' : 'running' }],
  },
  'forEach of 500 keys': {
    claim: formula({ formula: forEach('id', leadsTo(is({ type: 'placed' }), is({ type: 'paid' }))) }),
    event: (n) => [{ kind: 'message', id: `m${n % 500}`, type: n % 1000 < 500 ? 'placed' : 'paid' }],
  },
};

/**
 * What one more observation costs a watch that has had so many before: it must not grow with them. Memory is that of the trace, per
 * observation, with what the claim keeps of it. A trace keeps 100,000 unless it is told otherwise; here it is.
 */
export default async function run(): Promise<void> {
  const rows: Record<string, string>[] = [];
  for (const [name, watched] of Object.entries(CLAIMS)) {
    const row: Record<string, string> = { claim: name };
    for (const size of SIZES) {
      const { cost, memory } = await measure(watched, size);
      row[`after ${size.toLocaleString('en-US')}, µs`] = cost.toFixed(2);
      if (size === SIZES.at(-1)) row['memory of one, bytes'] = memory.toFixed(0);
    }
    rows.push(row);
  }
  table(rows);
  console.log('\nA trace that is full (100,000 observations of `exactlyOnce`):\n');
  const { memory } = await measure(CLAIMS['exactlyOnce, each another key']!, 100_000);
  console.log(`${((memory * 100_000) / MIB).toFixed(1)} MiB`);
}

async function measure({ claim, event }: Watched, size: number): Promise<{ readonly cost: number; readonly memory: number }> {
  const clock = virtualClock();
  const trace = createTrace({ clock, maxObservations: size + SAMPLE * 20 + 10 });
  let record: OpenContext['record'] | undefined;
  const push: Push = {
    name: 'push',
    async open(context) {
      record = (...told) => context.record(...told);
      return { done: new Promise<void>(() => undefined), [Symbol.asyncDispose]: () => Promise.resolve() };
    },
  };
  const controller = new AbortController();
  collect();
  const before = process.memoryUsage().heapUsed;
  const waiting = watch(subject([push], { clock, trace }), claim, { within: '1h', signal: controller.signal });
  while (record === undefined) await Promise.resolve();
  const tell = (n: number): void => record!(...event(n));
  for (let n = 0; n < size; n++) tell(n);
  collect();
  const memory = (process.memoryUsage().heapUsed - before) / size;
  // Several samples, of which the least disturbed counts.
  let cost = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < 20; sample++) {
    const from = systemClock.now();
    for (let i = 0; i < SAMPLE; i++) tell(size + sample * SAMPLE + i);
    cost = Math.min(cost, ((systemClock.now() - from) * 1000) / SAMPLE);
  }
  controller.abort();
  const { decidedBy, verdict } = await waiting;
  if (decidedBy !== 'aborted') throw new Error(`${claim.name} was ${verdict} by ${decidedBy}`);
  return { cost, memory };
}

function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}
